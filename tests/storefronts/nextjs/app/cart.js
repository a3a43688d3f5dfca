'use client';
import { createContext, useContext, useMemo, useState } from 'react';
import { SumeruWidget } from 'sumeru-widgets/react';
import { PRODUCTS } from '../lib/products';

const Cart = createContext(null);

/** The cart: quantities by variant, kept while the visitor goes from page to page. */
export function CartProvider({ children }) {
  const [lines, setLines] = useState({});
  const cart = useMemo(() => {
    const chosen = PRODUCTS.filter((each) => lines[each.variant]);
    return {
      chosen,
      lines,
      count: Object.values(lines).reduce((sum, each) => sum + each, 0),
      total: chosen.reduce((sum, each) => sum + each.price * lines[each.variant], 0),
      add: (items) =>
        setLines((before) =>
          items.reduce((all, each) => ({ ...all, [each.variant_id]: (all[each.variant_id] ?? 0) + each.quantity }), before),
        ),
    };
  }, [lines]);
  return <Cart value={cart}>{children}</Cart>;
}

export function CartCount() {
  return <span id="cart-count">{useContext(Cart).count}</span>;
}

export function AddToCart({ variant }) {
  const { add } = useContext(Cart);
  return <button onClick={() => add([{ variant_id: variant, quantity: 1 }])}>Add to cart</button>;
}

// sample: nextjs-cart
/** A widget whose buttons fill this cart; in a file that begins with 'use client'. */
export function Selling(props) {
  const { add } = useContext(Cart);
  return (
    <SumeruWidget
      {...props}
      onAddToCart={(event) => {
        event.preventDefault();
        add(event.detail.items);
      }}
    />
  );
}
// end of sample

export function CartContents() {
  const { chosen, lines, count, total } = useContext(Cart);
  return (
    <>
      <SumeruWidget type="cart_nudge" cartId="nextjs-1" cartTotal={total.toFixed(2)} itemCount={count} currency="EUR" className="badge" />
      <ul>
        {chosen.map((each) => (
          <li key={each.id}>
            {lines[each.variant]} × {each.title}
          </li>
        ))}
      </ul>
      {count > 0 && <Selling type="upsell" productIds={chosen.map((each) => each.id).join(',')} className="wait" />}
    </>
  );
}
