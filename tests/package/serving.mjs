/** A scripted widget server for the package's tests: each path gives what the test put there; `seen` keeps the requests. */
import { createServer } from 'node:http';

export async function serving(answer) {
  const seen = [];
  const server = createServer(async (request, response) => {
    seen.push({ url: request.url, headers: request.headers });
    const given = await answer(request.url, seen.length);
    if (given === undefined) return; // never answers
    const { status = 200, body } = given;
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const close = () => {
    server.closeAllConnections();
    return new Promise((done) => server.close(done));
  };
  return { url: `http://127.0.0.1:${server.address().port}`, seen, close };
}

export const ready = {
  widget: 'reviews',
  state: 'ready',
  html: '<sumeru-widget></sumeru-widget>',
  inner_html: '<section class="sw-reviews">Fine</section>',
  css: '.a{}',
  data: { count: 1 },
  json_ld: { '@context': 'https://schema.org', '@type': 'Product', '@id': 'https://shop.example/p#product', name: 'Pack' },
  lang: 'en',
  fresh: false,
  age_s: 120,
};
