// sample: hydrogen-cart
// app/components/cart.jsx
import { CartForm } from '@shopify/hydrogen';
import { useFetcher } from 'react-router';
import { SumeruWidget } from 'sumeru-widgets/react';
// end of sample

export function AddToCart({ variant }) {
  return (
    <CartForm route="/cart" action={CartForm.ACTIONS.LinesAdd} inputs={{ lines: [{ merchandiseId: variant, quantity: 1 }] }}>
      <button type="submit">Add to cart</button>
    </CartForm>
  );
}

// sample: hydrogen-cart

/** A widget whose buttons fill this cart. */
export function Selling(props) {
  const fetcher = useFetcher({ key: 'sumeru-cart' });
  return (
    <SumeruWidget
      {...props}
      onAddToCart={(event) => {
        event.preventDefault();
        const lines = event.detail.items.map((each) => ({ merchandiseId: each.variant_id, quantity: each.quantity }));
        const input = { action: CartForm.ACTIONS.LinesAdd, inputs: { lines } };
        fetcher.submit({ [CartForm.INPUT_NAME]: JSON.stringify(input) }, { method: 'POST', action: '/cart' });
      }}
    />
  );
}
// end of sample
