/** What every loader gets as `context`. */
import { createHydrogenContext, createWithCache, InMemoryCache } from '@shopify/hydrogen';
import { createWidgets } from 'sumeru-widgets/server';
import { fetchWithOwnLinks } from '../app/lib/first-party.js';
import { AppSession } from './session.mjs';

/** One for all requests: a cache per request would never be hit. On Oxygen: `await caches.open('hydrogen')`. */
const cache = new InMemoryCache();

/** @param {import('express').Request} incoming */
export async function createContext(incoming, env) {
  const request = new Request(`${incoming.protocol}://${incoming.get('host')}${incoming.originalUrl}`, {
    headers: new Headers(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)])),
  });
  const session = await AppSession.init(request, [env.SESSION_SECRET]);
  const widgets = createWidgets({
    url: env.WIDGETS_URL,
    ...(env.WIDGETS_FIRST_PARTY ? { fetch: fetchWithOwnLinks(env.WIDGETS_URL) } : {}),
    shop: env.WIDGETS_SHOP,
    timeoutMs: Number(env.WIDGETS_TIMEOUT_MS ?? 800),
  });
  return createHydrogenContext(
    { env, request, cache, waitUntil: null, session, i18n: { language: 'EN', country: 'US' } },
    { withCache: createWithCache({ cache, waitUntil: null, request }), widgets, visitorAddress: incoming.ip },
  );
}
