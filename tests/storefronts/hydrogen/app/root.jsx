import { useNonce } from '@shopify/hydrogen';
import { isRouteErrorResponse, Link, Links, Meta, Outlet, Scripts, ScrollRestoration } from 'react-router';
// sample: hydrogen-root
// app/root.jsx
import { Script } from '@shopify/hydrogen';
import { useRouteLoaderData } from 'react-router';
// end of sample
import { COLLECTIONS } from './lib/catalogue';
import { countOf, linesOf } from './lib/cart';
import { PREFIX } from './lib/first-party';
import styles from './shop.css?url';
import icon from './icon.svg';

export const links = () => [{ rel: 'icon', type: 'image/svg+xml', href: icon }];

// sample: hydrogen-root

export function loader({ context }) {
  const { widgets } = context;
  const sumeru = { src: widgets.scriptUrl, shop: widgets.shop };
  if (context.env.WIDGETS_FIRST_PARTY) sumeru.src = `${PREFIX}/embed/v1.js`; // left out of the sample
  return {
    sumeru,
    count: countOf(linesOf(context)), // left out of the sample
  };
}
// end of sample

/** Only after a change of the cart. */
export const shouldRevalidate = ({ formMethod }) => Boolean(formMethod && formMethod !== 'GET');

export function Layout({ children }) {
  const nonce = useNonce();
  // sample: hydrogen-root (dedented)

  // in the component that holds <html>, and inside its <head>
  const data = useRouteLoaderData('root');
  // end of sample
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <link rel="stylesheet" href={styles} />
        <Meta />
        <Links />
        {/* sample: hydrogen-root (dedented) */}
        {data && <Script async crossOrigin="anonymous" src={data.sumeru.src} data-shop={data.sumeru.shop} />}
        {/* end of sample */}
      </head>
      <body>
        <nav>
          <Link to="/">Home</Link>
          {Object.entries(COLLECTIONS).map(([handle, title]) => (
            <Link key={handle} to={`/collections/${handle}`}>
              {title}
            </Link>
          ))}
          <Link to="/quiz">Quiz</Link>
          <Link to="/cart">
            Cart <span id="cart-count">{data?.count ?? 0}</span>
          </Link>
        </nav>
        <main>{children}</main>
        <ScrollRestoration nonce={nonce} />
        <Scripts nonce={nonce} />
      </body>
    </html>
  );
}

export default function App() {
  return <Outlet />;
}

export function ErrorBoundary({ error }) {
  return <h1>{isRouteErrorResponse(error) ? `${error.status} ${error.data}` : 'This page has a fault'}</h1>;
}
