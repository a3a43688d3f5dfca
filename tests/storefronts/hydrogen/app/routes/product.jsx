import { Suspense } from 'react';
import { Await, Link } from 'react-router';
import { AddToCart, Selling } from '../components/cart';
import { everything, product } from '../lib/catalogue';
// sample: hydrogen-product
// the route of a product
import { useNonce } from '@shopify/hydrogen';
import { SumeruJsonLd, SumeruWidget } from 'sumeru-widgets/react';
import { widgetFor } from '../lib/widgets';
// end of sample

export const meta = ({ loaderData }) => [{ title: loaderData?.product.title ?? 'Shop' }];

// sample: hydrogen-product

export async function loader(args) {
  const about = { product_id: args.params.id };
  const [found, others] = await Promise.all([product(args, args.params.id), everything(args)]); // left out of the sample
  // end of sample
  // sample: hydrogen-streamed (dedented)
  // in the loader, not awaited: the page is sent without it, and it follows in the same answer
  const bundles = widgetFor(args, 'bundles', about);
  // end of sample
  // sample: hydrogen-product
  const [badge, reviews] = await Promise.all([
    widgetFor(args, 'rating_badge', about),
    widgetFor(args, 'reviews', about),
  ]);
  return {
    ...{ product: found, others: others.filter((each) => each.id !== found.id) }, // left out of the sample
    badge,
    reviews,
    bundles, // left out of the sample
  };
}

export default function Product({ loaderData }) {
  const { badge, reviews } = loaderData;
  const { product: shown, others, bundles } = loaderData; // left out of the sample
  const nonce = useNonce();
  return (
    <>
      <h1>{shown.title}</h1>{/* left out of the sample */}
      <SumeruWidget result={badge} label="Reviews" nonce={nonce} className="badge" />
      <p>{shown.price.text}</p>{/* left out of the sample */}
      <AddToCart variant={shown.variant} />{/* left out of the sample */}
      <SumeruWidget result={reviews} label="Reviews" nonce={nonce} className="reviews" />
      <SumeruJsonLd results={[reviews]} />
      {/* end of sample */}
      <h2>More</h2>
      <ul>
        {others.map((each) => (
          <li key={each.id}>
            <Link to={`/products/${each.id}`}>{each.title}</Link>
          </li>
        ))}
      </ul>
      {/* sample: hydrogen-streamed (dedented) */}

      <Suspense key={reviews.href} fallback={<div className="wait" />}>
        <Await resolve={bundles}>
          {(result) => <Selling result={result} label="Bundles" nonce={nonce} className="wait" />}
        </Await>
      </Suspense>
      {/* end of sample */}
      {/* sample: hydrogen-product */}
    </>
  );
}
// end of sample
