/** The components on the server, in React 18 and 19 (`REACT`, by a loader): what they write. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createElement as h, version } from 'react';
import { renderToString } from 'react-dom/server';
import { SumeruJsonLd, SumeruScript, SumeruWidget } from 'sumeru-widgets/react';
import { createWidgets, forLoader } from 'sumeru-widgets/server';
import { ready } from './serving.mjs';

const respond = (body) => createWidgets({ url: 'https://w.example', shop: 'shp_1', fetch: async () => Response.json(body) });

test(`this is React ${process.env.REACT ?? '19'}`, () => assert.equal(version.split('.')[0], process.env.REACT ?? '19'));

test('a result becomes a declarative root with the nonce in its style, and a link', async () => {
  const result = await respond(ready).fetchWidget('reviews', { product_id: 'prd_1', rating: '5', write: '' });
  const html = renderToString(h(SumeruWidget, { result, label: 'Reviews <3', nonce: 'n"1', className: 'wide' }));
  assert.equal(
    html,
    '<sumeru-widget type="reviews" product-id="prd_1" rating="5" class="wide"><template shadowrootmode="open">' +
      `<style nonce="n&#34;1">.a{}</style>${ready.inner_html}</template>` +
      '<a href="https://w.example/w/v1/shp_1/reviews?product_id=prd_1&#38;rating=5">Reviews &#60;3</a></sumeru-widget>',
  );
});

test('an empty one holds nothing, an unfinished one its link', async () => {
  const empty = await respond({ ...ready, state: 'empty', inner_html: '' }).fetchWidget('bundles', { product_id: 'prd_1' });
  assert.equal(
    renderToString(h(SumeruWidget, { result: empty, label: 'Bundles' })),
    '<sumeru-widget type="bundles" product-id="prd_1"><template shadowrootmode="open"></template></sumeru-widget>',
  );
  for (const body of [{ ...ready, state: 'pending' }, { error: { code: 'internal_error' } }]) {
    const result = await respond(body).fetchWidget('bundles', { product_id: 'prd_1' });
    assert.equal(
      renderToString(h(SumeruWidget, { result, label: 'Bundles' })),
      '<sumeru-widget type="bundles" product-id="prd_1"><a href="https://w.example/w/v1/shp_1/bundles?product_id=prd_1">Bundles</a></sumeru-widget>',
    );
  }
});

test('properties become attributes', () => {
  assert.equal(
    renderToString(h(SumeruWidget, { type: 'product_feed', collection: 'camp', inStock: true, productIds: ['a', 'b'] })),
    '<sumeru-widget type="product_feed" collection="camp" in-stock="1" product-ids="a,b"></sumeru-widget>',
  );
});

test('children stand instead of the root, for the loader to fill their slots', async () => {
  const result = await respond(ready).fetchWidget('ab_experiment', { experiment: 'hero' });
  const html = renderToString(h(SumeruWidget, { result }, h('p', { slot: 'a' }, 'A')));
  assert.equal(html, '<sumeru-widget type="ab_experiment" experiment="hero" live=""><p slot="a">A</p></sumeru-widget>');
});

test("what is one visitor's own lives, but for forms", async () => {
  for (const [type, live] of [['upsell', true], ['quiz', false], ['reviews', false]]) {
    const result = await respond(ready).fetchWidget(type, {});
    for (const props of [{ result }, { type }]) {
      assert.equal(renderToString(h(SumeruWidget, props)).includes(' live=""'), live, type);
    }
  }
});

test("the loader's tag", () => {
  const html = renderToString(h(SumeruScript, { url: 'https://w.example/', shop: 'shp_1', nonce: 'n1' }));
  for (const part of ['async=""', 'crossorigin="anonymous"', 'src="https://w.example/embed/v1.js"', 'data-shop="shp_1"', 'nonce="n1"']) {
    assert.ok(html.toLowerCase().includes(part), `${part} in ${html}`);
  }
});

test('structured data cannot leave its element, and is merged by @id', () => {
  const results = [{ jsonLd: { ...ready.json_ld, name: '</script><script>alert(1)</script>' } }, { jsonLd: null }];
  const data = { '@type': 'Product', '@id': ready.json_ld['@id'], sku: '1' };
  const html = renderToString(h(SumeruJsonLd, { results, data }));
  const [, text] = /^<script type="application\/ld\+json">(.*)<\/script>$/.exec(html);
  assert.ok(!text.includes('<'));
  const said = JSON.parse(text);
  assert.deepEqual([said.sku, said.name], ['1', '</script><script>alert(1)</script>']);
  assert.equal(said['@context'], 'https://schema.org');
  const two = renderToString(h(SumeruJsonLd, { data: [{ '@type': 'Organization' }, { '@type': 'Product' }] }));
  assert.equal(JSON.parse(/>(.*)</.exec(two)[1])['@graph'].length, 2);
  assert.equal(renderToString(h(SumeruJsonLd, { results: [{ jsonLd: null }] })), '');
});

test('for a loader the HTML stays on the server, and the browser hydrates without it', async () => {
  const result = await respond(ready).fetchWidget('reviews', { product_id: 'prd_1' });
  const returned = forLoader(result);
  assert.equal(renderToString(h(SumeruWidget, { result: returned })), renderToString(h(SumeruWidget, { result })));
  const sent = JSON.parse(JSON.stringify(returned));
  assert.deepEqual([sent.state, sent.html, sent.data], ['ready', '', null]);
  assert.deepEqual([sent.innerHtml, sent.css], [undefined, undefined]);
  // Like the server's: HTML of its own, not children, which React would compare with what is on the page.
  assert.match(renderToString(h(SumeruWidget, { result: sent })), /<template shadowrootmode="open"><\/template><\/sumeru-widget>$/);
});
