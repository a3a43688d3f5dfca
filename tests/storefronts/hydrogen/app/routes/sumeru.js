/** The widgets under the storefront's own address: no other connection, and no change of the Content-Security-Policy. */

/** Paths of the widget server that browsers need; everything else stays out of reach. */
const SERVED = /^(embed\/(v1|[0-9a-f]{16}\/\w+)\.js|w\/v1\/(\w+)\/[\w.]+)$/;
const ASKED = ['Accept', 'Accept-Language', 'Content-Type', 'If-None-Match', 'Origin', 'Referer', 'User-Agent'];
const TOLD = ['Cache-Control', 'Content-Language', 'Content-Type', 'ETag', 'Location', 'Retry-After', 'Vary'];

const chosen = (headers, names) => new Headers(names.filter((name) => headers.has(name)).map((name) => [name, headers.get(name)]));

async function proxy({ request, params, context: { widgets } }) {
  const path = params['*'];
  const [, , , shop] = SERVED.exec(path) ?? [];
  if (!SERVED.test(path) || (shop && shop !== widgets.shop)) throw new Response('Not found', { status: 404 });
  const { search, origin } = new URL(request.url);
  const post = request.method === 'POST';
  let answer;
  try {
    answer = await fetch(`${widgets.url}/${path}${search}`, {
      method: request.method,
      headers: chosen(request.headers, ASKED),
      body: post ? await request.arrayBuffer() : undefined,
      redirect: 'manual',
      signal: AbortSignal.timeout(8_000),
    });
  } catch {
    return new Response(null, { status: 502, headers: { 'Cache-Control': 'no-store' } });
  }
  const headers = chosen(answer.headers, TOLD);
  if (answer.status === 304) return new Response(null, { status: 304, headers });
  // Links and forms of the widgets lead to where the loader came from, so that it follows them in place.
  const body = (await answer.text()).replaceAll(`${widgets.url}/w/v1/`, `${origin}/sumeru/w/v1/`);
  return new Response(body, { status: answer.status, headers });
}

export { proxy as loader, proxy as action };
