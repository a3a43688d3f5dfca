import { cookies } from 'next/headers';
// sample: nextjs-customer
// app/friends/page.js
import { mintCustomerToken } from 'sumeru-widgets/customer-token';
import { SumeruWidget } from 'sumeru-widgets/react';
import { nonce, widgets } from '../../lib/widgets';

export default async function Friends() {
  const { shop, fetchWidget } = widgets();
  const customerId = await signedIn(); // as your shop knows it; undefined for a guest
  const customerToken = customerId && mintCustomerToken({ secret: process.env.SUMERU_CUSTOMER_SECRET, shopKey: shop, customerId });
  const referral = await fetchWidget('referral', {}, { customerToken });
  return <SumeruWidget result={referral} label="Check a friend’s code" nonce={await nonce()} />;
}
// end of sample

/** Stands for the shop's own session. */
const signedIn = async () => (await cookies()).get('customer')?.value;
