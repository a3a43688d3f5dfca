// sample: nextjs-widget
// app/widgets.js
import { SumeruWidget } from 'sumeru-widgets/react';
import { CACHED, nonce, widgets } from '../lib/widgets';

export async function Quiz() {
  const result = await widgets().fetchWidget('quiz', { quiz_id: 'quiz_gift' }, CACHED);
  return <SumeruWidget result={result} label="Start" nonce={await nonce()} className="wait" />;
}
// end of sample
