import { SumeruWidget } from 'sumeru-widgets/react';
import { nonce, widgets } from '../../lib/widgets';

export default async function Quiz() {
  const quiz = await widgets().fetchWidget('quiz', { quiz_id: 'quiz_gift' });
  return (
    <>
      <h1>Which gift?</h1>
      <SumeruWidget result={quiz} label="Start" nonce={await nonce()} className="wait" />
    </>
  );
}
