/** What every loader gets as `context`. */
import { InMemoryCache } from '@shopify/hydrogen';
// sample: hydrogen-context
// the file that calls createHydrogenContext: app/lib/context.js in Hydrogen's skeleton
import { createHydrogenContext, createWithCache } from '@shopify/hydrogen';
import { createWidgets } from 'sumeru-widgets/server';
// end of sample
import { fetchWithOwnLinks } from '../app/lib/first-party.js';
import { AppSession } from './session.mjs';

/** One for all requests: a cache per request would never be hit. On Oxygen: `await caches.open('hydrogen')`. */
const cache = new InMemoryCache();
/** A worker's way to finish what outlives the answer; Node needs none. */
const waitUntil = null;

/** @param {import('express').Request} incoming */
export async function createContext(incoming, env) {
  const request = new Request(`${incoming.protocol}://${incoming.get('host')}${incoming.originalUrl}`, {
    headers: new Headers(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
  });
  const session = await AppSession.init(request, [env.SESSION_SECRET]);
  // sample: hydrogen-context (dedented)

  const widgets = createWidgets({
    url: env.WIDGETS_URL,
    ...(env.WIDGETS_FIRST_PARTY ? { fetch: fetchWithOwnLinks(env.WIDGETS_URL) } : {}), // left out of the sample
    shop: env.WIDGETS_SHOP,
    timeoutMs: Number(env.WIDGETS_TIMEOUT_MS ?? 800), // left out of the sample
  });
  const withCache = createWithCache({ cache, waitUntil, request });
  return createHydrogenContext(
    { env, request, cache, waitUntil, session, i18n: { language: 'EN', country: 'US' } },
    {
      visitorAddress: incoming.ip, // left out of the sample
      withCache,
      widgets,
    }, // the second argument: additions of your own
  );
  // end of sample
}
