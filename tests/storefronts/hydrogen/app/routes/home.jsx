import { Link } from 'react-router';
import { COLLECTIONS } from '../lib/catalogue';

export const meta = () => [{ title: 'Shop' }];

export default function Home() {
  return (
    <>
      <h1>Shop</h1>
      <ul>
        {Object.entries(COLLECTIONS).map(([handle, title]) => (
          <li key={handle}>
            <Link to={`/collections/${handle}`}>{title}</Link>
          </li>
        ))}
      </ul>
    </>
  );
}
