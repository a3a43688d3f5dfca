import { useNonce } from '@shopify/hydrogen';
import { SumeruWidget } from 'sumeru-widgets/react';
import { widgetFor } from '../lib/widgets';

export const meta = () => [{ title: 'Which gift?' }];

export const loader = async (args) => ({ quiz: await widgetFor(args, 'quiz', { quiz_id: 'quiz_gift' }) });

export default function Quiz({ loaderData: { quiz } }) {
  return (
    <>
      <h1>Which gift?</h1>
      <SumeruWidget result={quiz} label="Start" nonce={useNonce()} className="wait" />
    </>
  );
}
