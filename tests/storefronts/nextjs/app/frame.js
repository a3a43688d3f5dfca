import Link from 'next/link';
import { CartCount, CartProvider } from './cart';

/** What stands around every page. */
export function Frame({ children }) {
  return (
    <CartProvider>
      <nav>
        <Link href="/">Home</Link>
        <Link href="/collections/packs">Packs</Link>
        <Link href="/collections/camp">Camp</Link>
        <Link href="/quiz">Quiz</Link>
        <Link href="/cart">
          Cart <CartCount />
        </Link>
      </nav>
      <main>{children}</main>
    </CartProvider>
  );
}
