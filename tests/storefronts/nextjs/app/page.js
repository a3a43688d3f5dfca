import Link from 'next/link';
import { COLLECTIONS } from '../lib/products';

export default function Home() {
  return (
    <>
      <h1>Shop</h1>
      <ul>
        {Object.entries(COLLECTIONS).map(([handle, title]) => (
          <li key={handle}>
            <Link href={`/collections/${handle}`}>{title}</Link>
          </li>
        ))}
      </ul>
    </>
  );
}
