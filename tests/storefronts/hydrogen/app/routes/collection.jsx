import { useNonce } from '@shopify/hydrogen';
import { Link } from 'react-router';
import { SumeruWidget } from 'sumeru-widgets/react';
import { COLLECTIONS, collection } from '../lib/catalogue';
import { badgesFor } from '../lib/widgets';

export const meta = ({ loaderData }) => [{ title: loaderData?.title ?? 'Shop' }];

export async function loader(args) {
  const title = COLLECTIONS[args.params.handle];
  if (!title) throw new Response('Not found', { status: 404 });
  const products = await collection(args, args.params.handle);
  return { title, products, badges: await badgesFor(args, products.map((each) => each.id)) };
}

export default function Collection({ loaderData: { title, products, badges } }) {
  const nonce = useNonce();
  return (
    <>
      <h1>{title}</h1>
      <ul>
        {products.map((each, i) => (
          <li key={each.id}>
            <Link to={`/products/${each.id}`}>{each.title}</Link>
            <SumeruWidget result={badges[i]} label="Reviews" nonce={nonce} className="badge" />
          </li>
        ))}
      </ul>
    </>
  );
}
