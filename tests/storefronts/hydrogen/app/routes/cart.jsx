import { CartForm } from '@shopify/hydrogen';
import { data } from 'react-router';
import { SumeruWidget } from 'sumeru-widgets/react';
import { Selling } from '../components/cart';
import { addLines, countOf, linesOf } from '../lib/cart';
import { everything } from '../lib/catalogue';

export const meta = () => [{ title: 'Cart' }];

export async function loader(args) {
  const lines = linesOf(args.context);
  const chosen = (await everything(args)).filter((each) => lines[each.variant]);
  const total = chosen.reduce((sum, each) => sum + Number(each.price.amount) * lines[each.variant], 0);
  return { chosen, lines, count: countOf(lines), total: total.toFixed(2) };
}

export async function action({ request, context }) {
  const { action, inputs } = CartForm.getFormInput(await request.formData());
  if (action !== CartForm.ACTIONS.LinesAdd) throw new Response('Unknown cart action', { status: 400 });
  const lines = addLines(context, inputs.lines);
  return data({ count: countOf(lines) }, { headers: { 'Set-Cookie': await context.session.commit() } });
}

/** Widgets about one visitor's cart are the browser's to ask for. */
export default function Cart({ loaderData: { chosen, lines, count, total } }) {
  return (
    <>
      <h1>Cart</h1>
      <SumeruWidget type="cart_nudge" cartId="hydrogen-1" cartTotal={total} itemCount={count} currency="EUR" className="badge" />
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
