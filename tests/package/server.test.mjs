import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cspSources } from 'sumeru-widgets/csp';
import { createWidgets, isCacheable } from 'sumeru-widgets/server';
import { ready, serving } from './serving.mjs';

async function against(answer, use, options = {}) {
  const server = await serving(answer);
  try {
    await use(createWidgets({ url: server.url + '/', shop: 'shp_1', ...options }), server);
  } finally {
    await server.close();
  }
}

test('a finished widget', () =>
  against(
    () => ({ body: ready }),
    async (widgets, { url, seen }) => {
      const result = await widgets.fetchWidget('reviews', { sort: 'newest', product_id: 'prd_1', media: false });
      assert.equal(result.state, 'ready');
      assert.equal(result.innerHtml, ready.inner_html);
      assert.deepEqual([result.data, result.jsonLd, result.fresh, result.ageS], [ready.data, ready.json_ld, false, 120]);
      assert.deepEqual(result.params, { product_id: 'prd_1', sort: 'newest' });
      assert.equal(result.href, `${url}/w/v1/shp_1/reviews?product_id=prd_1&sort=newest`);
      assert.equal(seen[0].url, '/w/v1/shp_1/reviews.json?product_id=prd_1&sort=newest');
      assert.equal(seen[0].headers.prefer, 'respond-async');
      assert.equal(seen[0].headers.authorization, undefined);
      assert.ok(isCacheable(result));
    },
  ));

for (const [name, answer, code] of [
  ['an error of the API', { status: 404, body: { error: { code: 'not_found', message: 'No.', details: {} } } }, 'not_found'],
  ['a page of some proxy', { status: 502, body: '<html>' }, 'invalid_answer'],
  ['garbage', { body: 'garbage' }, 'invalid_answer'],
  ['null', { body: 'null' }, 'invalid_answer'],
  ['a list', { body: [] }, 'invalid_answer'],
  ['another shape', { body: { state: 'ready' } }, 'invalid_answer'],
  ['another state', { body: { ...ready, state: 'odd' } }, 'invalid_answer'],
  ['no answer in time', undefined, 'timeout'],
]) {
  test(`${name} is a result, after one try`, () =>
    against(
      () => answer,
      async (widgets, { seen }) => {
        const result = await widgets.fetchWidget('reviews', { product_id: 'prd_1' });
        assert.equal(result.state, 'error');
        assert.equal(result.error.code, code);
        assert.equal(result.innerHtml, '');
        assert.equal(
          result.html,
          '<sumeru-widget type="reviews" product-id="prd_1" v-pre ng-non-bindable>' +
            `<a href="${widgets.url}/w/v1/shp_1/reviews?product_id=prd_1">Show</a></sumeru-widget>`,
        );
        assert.equal(isCacheable(result), false);
        assert.equal(seen.length, 1);
        const [batched] = await widgets.fetchWidgets([{ type: 'reviews', params: { product_id: 'prd_1' } }]);
        assert.equal(batched.state, 'error');
        assert.equal(batched.error.code, code);
        assert.equal(batched.html, result.html);
      },
      { timeoutMs: 300 },
    ));
}

test('a body that hangs is given up, too', async () => {
  const awake = setInterval(() => {}, 1000); // the limit's own timer does not keep the process alive
  const hanging = async (_url, { signal }) => ({
    status: 200,
    ok: true,
    json: () => new Promise((_done, fail) => signal.addEventListener('abort', () => fail(signal.reason))),
  });
  const widgets = createWidgets({ url: 'https://widgets.example', shop: 'shp_1', timeoutMs: 50, fetch: hanging });
  assert.equal((await widgets.fetchWidget('quiz', { quiz_id: 'a' })).error.code, 'timeout');
  clearInterval(awake);
});

test('nobody there, and somebody who left', async () => {
  const widgets = createWidgets({ url: 'http://127.0.0.1:9', shop: 'shp_1' });
  assert.equal((await widgets.fetchWidget('reviews', { product_id: 'prd_1' })).error.code, 'unreachable');
  const signal = AbortSignal.abort();
  assert.equal((await widgets.fetchWidget('reviews', { product_id: 'prd_1' }, { signal })).error.code, 'aborted');
});

test('pending is no error and is not kept', () =>
  against(
    () => ({ status: 202, body: { ...ready, state: 'pending', inner_html: '', retry_after_s: 2.5 } }),
    async (widgets) => {
      const result = await widgets.fetchWidget('reviews', { product_id: 'prd_1' });
      assert.deepEqual([result.state, result.retryAfterS, isCacheable(result)], ['pending', 2.5, false]);
    },
  ));

test('a customer token stands in the header alone', () =>
  against(
    () => ({ body: ready }),
    async (widgets, { seen }) => {
      const inits = [];
      const spying = createWidgets({ url: widgets.url, shop: 'shp_1', fetch: (url, init) => (inits.push(init), fetch(url, init)) });
      const result = await spying.fetchWidget('referral', {}, { customerToken: 'sct_x', next: { revalidate: 60 } });
      assert.equal(seen[0].headers.authorization, 'Bearer sct_x');
      assert.ok(!seen[0].url.includes('sct_x'));
      assert.equal(inits[0].cache, 'no-store');
      assert.equal(inits[0].next, undefined);
      assert.equal(isCacheable(result), false);
      const refused = await widgets.fetchWidget('referral', { customer_token: 'sct_x' });
      assert.equal(refused.error.code, 'invalid_call');
      assert.ok(!JSON.stringify(refused).includes('sct_x'));
      const camel = await widgets.fetchWidget('referral', { customerToken: 'sct_x' });
      assert.equal(camel.error.code, 'invalid_call');
      assert.equal(seen.length, 1);
      await assert.rejects(widgets.fetchWidgets([{ type: 'referral' }], { customerToken: 'sct_x' }), TypeError);
    },
  ));

test('cache hints reach public requests only', async () => {
  const inits = [];
  const spy = async (_url, init) => (inits.push(init), Response.json(ready));
  const widgets = createWidgets({ url: 'https://widgets.example', shop: 'shp_1', fetch: spy });
  const next = { revalidate: 60, tags: ['reviews'] };
  await widgets.fetchWidget('reviews', { product_id: 'prd_1' }, { next });
  await widgets.fetchWidget('cart_nudge', { cart_total: '1' }, { next });
  await widgets.fetchWidget('reviews', { product_id: 'prd_1', write: true }, { next });
  assert.deepEqual(inits.map((each) => [each.next, each.cache]), [
    [next, undefined],
    [undefined, 'no-store'],
    [undefined, 'no-store'],
  ]);
});

test('many widgets: each asked once, sorted, at most 60 in a request, in the order of the wishes', () =>
  against(
    (url) => {
      const wanted = new URL(url, 'http://x').searchParams.getAll('w');
      return { body: { v: 1, css: '.b{}', items: wanted.map((w) => ({ state: 'ready', status: 200, html: `<b>${w}</b>` })) } };
    },
    async (widgets, { seen }) => {
      const ids = Array.from({ length: 130 }, (_, i) => `prd_${(i * 7) % 65}`);
      const results = await widgets.fetchWidgets(ids.map((id) => ({ type: 'rating_badge', params: { product_id: id } })));
      assert.equal(seen.length, 2);
      const asked = seen.flatMap(({ url }) => new URL(url, 'http://x').searchParams.getAll('w'));
      assert.equal(new Set(asked).size, 65);
      for (const { url } of seen) {
        const own = new URL(url, 'http://x').searchParams.getAll('w');
        assert.deepEqual(own, [...own].sort());
        assert.ok(own.length <= 60 && url.length < 4096);
      }
      results.forEach((result, i) => assert.equal(result.innerHtml, `<b>rating_badge?product_id=${ids[i]}</b>`));
      assert.equal(
        results[0].html,
        '<sumeru-widget type="rating_badge" product-id="prd_0" v-pre ng-non-bindable><template shadowrootmode="open"><style>.b{}</style>' +
          `<b>rating_badge?product_id=prd_0</b></template><a href="${widgets.url}/w/v1/shp_1/rating_badge?product_id=prd_0">Show</a>` +
          '</sumeru-widget>',
      );
    },
  ));

test('a long batch is parted by its length, and nothing wished asks nothing', () =>
  against(
    (url) => ({ body: { v: 1, css: '', items: new URL(url, 'http://x').searchParams.getAll('w').map(() => ({ state: 'empty', html: '' })) } }),
    async (widgets, { seen }) => {
      assert.deepEqual(await widgets.fetchWidgets([]), []);
      assert.equal(seen.length, 0);
      const query = 'ä'.repeat(80);
      await widgets.fetchWidgets(Array.from({ length: 30 }, (_, i) => ({ type: 'product_feed', params: { query: query + i } })));
      assert.ok(seen.length > 1);
      for (const { url } of seen) assert.ok(url.split('?')[1].length <= 4096, String(url.length));
    },
  ));

test('each item of a batch has its own state', () =>
  against(
    () => ({
      status: 202,
      body: {
        v: 1,
        css: '',
        // Sorted: bundles, quiz, rating_badge, reviews, upsell.
        items: [
          { state: 'empty', html: '' },
          { state: 'live', html: '' },
          { state: 'error', html: '', error: { code: 'not_found', message: '' } },
          { state: 'pending', html: '', retry_after_s: 1 },
          null,
        ],
      },
    }),
    async (widgets) => {
      const types = ['reviews', 'quiz', 'bundles', 'upsell', 'rating_badge'];
      const results = await widgets.fetchWidgets([...types, 'no such'].map((type) => ({ type, params: {} })));
      assert.deepEqual(
        results.map(({ state, error }) => error?.code ?? state),
        ['pending', 'pending', 'empty', 'invalid_answer', 'not_found', 'invalid_call'],
      );
      const link = (type) => `<a href="${widgets.url}/w/v1/shp_1/${type}">Show</a>`;
      assert.deepEqual(
        results.map(({ html }) => html.replaceAll(' v-pre ng-non-bindable', '')),
        [
          `<sumeru-widget type="reviews">${link('reviews')}</sumeru-widget>`,
          `<sumeru-widget type="quiz">${link('quiz')}</sumeru-widget>`,
          '<sumeru-widget type="bundles"><template shadowrootmode="open"></template></sumeru-widget>',
          `<sumeru-widget type="upsell" live>${link('upsell')}</sumeru-widget>`,
          `<sumeru-widget type="rating_badge">${link('rating_badge')}</sumeru-widget>`,
          '',
        ],
      );
      const text = { query: '"><b>', product_ids: ['a', 'b'] };
      assert.equal(
        widgets.placeholder('product_feed', text, { label: 'All & more' }).html.replace(/<a href="[^"]*">/, '<a>'),
        '<sumeru-widget type="product_feed" product-ids="a,b" query="&#34;&#62;&#60;b&#62;" v-pre ng-non-bindable><a>All &#38; more</a></sumeru-widget>',
      );
    },
  ));

test("the request in parts, for Hydrogen's caches", () => {
  const widgets = createWidgets({ url: 'https://widgets.example', shop: 'shp_1' });
  const one = widgets.widgetRequest('reviews', { sort: 'newest', productId: 'prd_1' });
  const same = widgets.widgetRequest('reviews', { product_id: 'prd_1', sort: 'newest' });
  assert.deepEqual(one.cacheKey, same.cacheKey);
  assert.equal(one.url, 'https://widgets.example/w/v1/shp_1/reviews.json?product_id=prd_1&sort=newest');
  assert.equal(one.shouldCacheResponse(ready, { status: 200 }), true);
  assert.equal(one.shouldCacheResponse({ ...ready, state: 'pending' }, { status: 202 }), false);
  assert.equal(one.shouldCacheResponse({ ...ready, state: 'pending' }, { status: 200 }), false);
  assert.equal(one.shouldCacheResponse({ error: { code: 'rate_limited' } }, { status: 429 }), false);
  assert.equal(one.shouldCacheResponse(null, { status: 200 }), false);
  const own = widgets.widgetRequest('quiz', { quiz_id: 'gift' });
  assert.equal(own.shouldCacheResponse(ready, { status: 200 }), false);
  assert.equal(one.read(null).state, 'error');
  assert.equal(one.read(ready).state, 'ready');
  assert.throws(() => widgets.widgetRequest('referral', { customer_token: 'sct_x' }), TypeError);
});

test('what cannot be an address or a key is said at once', () => {
  assert.throws(() => createWidgets({ url: 'widgets.example', shop: 'shp_1' }), TypeError);
  assert.throws(() => createWidgets({ url: 'https://widgets.example', shop: '../x' }), TypeError);
});

test('the sources of a policy', () => {
  const sources = cspSources({ url: 'https://w.example/path/', photos: ['https://cdn.example/a', 'https://cdn.example/b'] });
  assert.deepEqual(sources.connectSrc, ['https://w.example']);
  assert.deepEqual(sources.imgSrc, ['https://cdn.example']);
});
