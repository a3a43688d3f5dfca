import { useNonce } from '@shopify/hydrogen';
import { Suspense } from 'react';
import { Await, Link } from 'react-router';
import { SumeruJsonLd, SumeruWidget } from 'sumeru-widgets/react';
import { AddToCart, Selling } from '../components/cart';
import { everything, product } from '../lib/catalogue';
import { widgetFor } from '../lib/widgets';

export const meta = ({ loaderData }) => [{ title: loaderData?.product.title ?? 'Shop' }];

export async function loader(args) {
  const about = { product_id: args.params.id };
  // Not awaited: the page is sent without it, and it follows in the same answer.
  const bundles = widgetFor(args, 'bundles', about);
  const [found, others, badge, reviews] = await Promise.all([
    product(args, args.params.id),
    everything(args),
    widgetFor(args, 'rating_badge', about),
    widgetFor(args, 'reviews', about),
  ]);
  return { product: found, others: others.filter((each) => each.id !== found.id), badge, reviews, bundles };
}

export default function Product({ loaderData: { product: shown, others, badge, reviews, bundles } }) {
  const nonce = useNonce();
  return (
    <>
      <h1>{shown.title}</h1>
      <SumeruWidget result={badge} label="Reviews" nonce={nonce} className="badge" />
      <p>{shown.price.text}</p>
      <AddToCart variant={shown.variant} />
      <SumeruWidget result={reviews} label="Reviews" nonce={nonce} className="reviews" />
      <SumeruJsonLd results={[reviews]} />
      <h2>More</h2>
      <ul>
        {others.map((each) => (
          <li key={each.id}>
            <Link to={`/products/${each.id}`}>{each.title}</Link>
          </li>
        ))}
      </ul>
      <Suspense key={shown.id} fallback={<div className="wait" />}>
        <Await resolve={bundles}>
          {(result) => <Selling result={result} label="Bundles" nonce={nonce} className="wait" />}
        </Await>
      </Suspense>
    </>
  );
}
