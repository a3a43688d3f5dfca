import Link from 'next/link';
import { notFound } from 'next/navigation';
import { SumeruWidget } from 'sumeru-widgets/react';
import { COLLECTIONS, inCollection } from '../../../lib/products';
import { CACHED, nonce, widgets } from '../../../lib/widgets';

/** All badges of the page in one request of the server. */
export default async function Collection({ params }) {
  const { handle } = await params;
  if (!COLLECTIONS[handle]) notFound();
  const products = inCollection(handle);
  // sample: nextjs-badges
  // 48 badges are one request, too.
  const badges = await widgets().fetchWidgets(
    products.map((each) => ({ type: 'rating_badge', params: { product_id: each.id } })),
    CACHED,
  );
  // end of sample
  const pageNonce = await nonce();
  return (
    <>
      <h1>{COLLECTIONS[handle]}</h1>
      <ul>
        {products.map((each, i) => (
          <li key={each.id}>
            <Link href={`/products/${each.id}`}>{each.title}</Link>
            <SumeruWidget result={badges[i]} label="Reviews" nonce={pageNonce} className="badge" />
          </li>
        ))}
      </ul>
    </>
  );
}
