/** A page with one widget that a visitor may change, remove and bring back. */
import { createElement as h, useState } from 'react';
import { SumeruJsonLd, SumeruWidget } from 'sumeru-widgets/react';

export function App({ result, heard = () => {} }) {
  const [product, setProduct] = useState('');
  const [renders, setRenders] = useState(0);
  // As a router does: the first page keeps its data, the next one has none yet.
  const shown = product ? { type: 'reviews', productId: product } : { result };
  return h(
    'main',
    null,
    h('button', { id: 'again', onClick: () => setRenders(renders + 1) }, `Rendered ${renders}`),
    ...['prd_1', 'prd_2', 'none'].map((id) => h('button', { key: id, id, onClick: () => setProduct(id) }, id)),
    h('button', { id: 'first', onClick: () => setProduct('') }, 'first'),
    product === 'none'
      ? null
      : h(SumeruWidget, { ...shown, label: 'Reviews', href: 'https://shop.example/reviews', onReady: () => heard(renders) }),
    h(SumeruJsonLd, { results: [result] }),
  );
}
