import Link from 'next/link';
import { SumeruScript } from 'sumeru-widgets/react';
import { nonce, widgets } from '../lib/widgets';
import { CartCount, CartProvider } from './cart';
import './shop.css';

export const metadata = { title: 'Shop' };

export default async function Layout({ children }) {
  // Asked for first: a nonce belongs to one request, so no page is made at build time.
  const pageNonce = await nonce();
  const { url, shop } = widgets();
  return (
    <html lang="en">
      <body>
        <SumeruScript url={url} shop={shop} nonce={pageNonce} />
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
      </body>
    </html>
  );
}
