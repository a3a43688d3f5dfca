// sample: nextjs-lib
// lib/widgets.js
import { headers } from 'next/headers';
import { createWidgets } from 'sumeru-widgets/server';

/** Made at the first request: the addresses are those of the machine that serves, not of the one that builds. */
let made;
export const widgets = () =>
  (made ??= createWidgets({
    url: process.env.WIDGETS_URL,
    shop: process.env.WIDGETS_SHOP,
    timeoutMs: Number(process.env.WIDGETS_TIMEOUT_MS ?? 800), // left out of the sample
  }));

/** Next's fetch cache keeps a finished widget for a minute. */
export const CACHED = { next: { revalidate: 60, tags: ['widgets'] } };

export const nonce = async () => (await headers()).get('x-nonce') ?? undefined;
// end of sample
