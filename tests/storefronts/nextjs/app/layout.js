import { Frame } from './frame';
import './shop.css';

export const metadata = { title: 'Shop' };

// sample: nextjs-layout
// app/layout.js
import { SumeruScript } from 'sumeru-widgets/react';
import { nonce, widgets } from '../lib/widgets';

export default async function Layout({ children }) {
  // Asked for first: a nonce belongs to one request, so no page is made at build time.
  const pageNonce = await nonce();
  const { url, shop } = widgets();
  return (
    <html lang="en">
      <body>
        <SumeruScript url={url} shop={shop} nonce={pageNonce} />
        <Frame>{/* left out of the sample */}
        {children}
        </Frame>{/* left out of the sample */}
      </body>
    </html>
  );
}
// end of sample
