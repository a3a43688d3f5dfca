// sample: hydrogen-first-party
// app/routes/sumeru.$.js
import { ownLinks } from '../lib/first-party';

/** The widgets under the storefront's own address: no other connection, and no change of the Content-Security-Policy. */

/** Paths of the widget server that browsers need; everything else stays out of reach. */
const SERVED = /^(embed\/(v1|pixel|share|debug|[0-9a-f]{16}\/\w+)\.js|static\/(?:page|icon)[\w.]*|w\/v1\/(\w+)\/[\w.]+)$/;
const ASKED = ['Accept', 'Accept-Language', 'Content-Type', 'If-None-Match', 'Origin', 'Referer', 'User-Agent'];
const TOLD = [
  'Cache-Control', 'Content-Language', 'Content-Security-Policy', 'Content-Type', 'ETag', 'Location', 'Referrer-Policy',
  'Retry-After', 'Vary', 'X-Content-Type-Options',
];

const chosen = (headers, names) => new Headers(names.filter((name) => headers.has(name)).map((name) => [name, headers.get(name)]));

async function proxy({ request, params, context: { widgets, visitorAddress } }) {
  const path = params['*'];
  const [, , , shop] = SERVED.exec(path) ?? [];
  if (!SERVED.test(path) || (shop && shop !== widgets.shop)) throw new Response('Not found', { status: 404 });
  const headers = chosen(request.headers, ASKED);
  // Limits are per visitor; the widget server believes it when TRUSTED_PROXIES counts this storefront.
  headers.set('X-Forwarded-For', visitorAddress);
  let answer;
  try {
    answer = await fetch(`${widgets.url}/${path}${new URL(request.url).search}`, {
      method: request.method,
      headers,
      body: request.method === 'POST' ? await request.arrayBuffer() : undefined,
      redirect: 'manual',
      signal: AbortSignal.timeout(8_000),
    });
  } catch {
    return new Response(null, { status: 502, headers: { 'Cache-Control': 'no-store' } });
  }
  const told = chosen(answer.headers, TOLD);
  const text = answer.status === 304 ? null : ownLinks(await answer.text(), widgets.url);
  return new Response(text, { status: answer.status, headers: told });
}

export { proxy as loader, proxy as action };
// end of sample
