import Link from 'next/link';
import { notFound } from 'next/navigation';
import { Suspense } from 'react';
import { SumeruJsonLd, SumeruWidget } from 'sumeru-widgets/react';
import { PRODUCTS } from '../../../lib/products';
import { CACHED, nonce, widgets } from '../../../lib/widgets';
import { AddToCart, Selling } from '../../cart';

export default async function Product({ params }) {
  const { id } = await params;
  const product = PRODUCTS.find((each) => each.id === id);
  if (!product) notFound();
  const about = { product_id: id };
  const [reviews, badge] = await Promise.all([
    widgets().fetchWidget('reviews', about, CACHED),
    widgets().fetchWidget('rating_badge', about, CACHED),
  ]);
  const pageNonce = await nonce();
  return (
    <>
      <h1>{product.title}</h1>
      <SumeruWidget result={badge} label="Reviews" nonce={pageNonce} className="badge" />
      <p>€{product.price}</p>
      <AddToCart variant={product.variant} />
      <SumeruWidget result={reviews} label="Reviews" nonce={pageNonce} className="reviews" />
      <SumeruJsonLd results={[reviews]} />
      <h2>More</h2>
      <ul>
        {PRODUCTS.filter((each) => each !== product).map((each) => (
          <li key={each.id}>
            <Link href={`/products/${each.id}`}>{each.title}</Link>
          </li>
        ))}
      </ul>
      <Suspense fallback={<div className="wait" />}>
        <Bundles about={about} />
      </Suspense>
    </>
  );
}

/** Streamed: the page does not wait for it. */
async function Bundles({ about }) {
  const bundles = await widgets().fetchWidget('bundles', about, CACHED);
  return <Selling result={bundles} label="Bundles" nonce={await nonce()} className="wait" />;
}
