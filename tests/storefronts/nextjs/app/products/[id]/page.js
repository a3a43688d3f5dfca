import Link from 'next/link';
import { notFound } from 'next/navigation';
import { Suspense } from 'react';
import { PRODUCTS } from '../../../lib/products';
// sample: nextjs-product
// app/products/[id]/page.js
import { SumeruJsonLd, SumeruWidget } from 'sumeru-widgets/react';
import { CACHED, nonce, widgets } from '../../../lib/widgets';
// end of sample
import { AddToCart, Selling } from '../../cart';

// sample: nextjs-product

export default async function Product({ params }) {
  const { id } = await params;
  const product = PRODUCTS.find((each) => each.id === id); // left out of the sample
  if (!product) notFound(); // left out of the sample
  const about = { product_id: id };
  const [reviews, badge] = await Promise.all([
    widgets().fetchWidget('reviews', about, CACHED),
    widgets().fetchWidget('rating_badge', about, CACHED),
  ]);
  const pageNonce = await nonce();
  return (
    <>
      <h1>{product.title}</h1>{/* left out of the sample */}
      <SumeruWidget result={badge} label="Reviews" nonce={pageNonce} className="badge" />
      {/* end of sample */}
      <p>€{product.price}</p>
      <AddToCart variant={product.variant} />
      {/* sample: nextjs-product */}
      <SumeruWidget result={reviews} label="Reviews" nonce={pageNonce} className="reviews" />
      <SumeruJsonLd results={[reviews]} />
      {/* end of sample */}
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
      {/* sample: nextjs-product */}
    </>
  );
}
// end of sample

// sample: nextjs-streamed
/** In a <Suspense> of the page, which does not wait for it. */
async function Bundles({ about }) {
  const bundles = await widgets().fetchWidget('bundles', about, CACHED);
  return <Selling result={bundles} label="Bundles" nonce={await nonce()} className="wait" />;
}
// end of sample
