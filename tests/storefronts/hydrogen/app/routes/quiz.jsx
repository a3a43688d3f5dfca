// sample: hydrogen-widget
// the route of the page
import { useNonce } from '@shopify/hydrogen';
import { SumeruWidget } from 'sumeru-widgets/react';
import { widgetFor } from '../lib/widgets';
// end of sample

export const meta = () => [{ title: 'Which gift?' }];

// sample: hydrogen-widget

export async function loader(args) {
  return { quiz: await widgetFor(args, 'quiz', { quiz_id: 'quiz_gift' }) };
}

export default function Page({ loaderData }) {
  const nonce = useNonce();
  return (
    <>
      <h1>Which gift?</h1>{/* left out of the sample */}
      <SumeruWidget result={loaderData.quiz} label="Start" nonce={nonce} className="wait" />
    </>
  );
}
// end of sample
