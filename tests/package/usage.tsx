/** Everything a storefront may write, and (after `@ts-expect-error`) what it may not. Only its types are checked. */
import { cspSources } from 'sumeru-widgets/csp';
import { mintCustomerToken } from 'sumeru-widgets/customer-token';
import { SumeruJsonLd, SumeruScript, SumeruWidget } from 'sumeru-widgets/react';
import { createWidgets, isCacheable, type WidgetResult } from 'sumeru-widgets/server';

const widgets = createWidgets({ url: 'https://widgets.example', shop: 'shp_1', timeoutMs: 500 });

export async function Page({ id, nonce }: { id: string; nonce: string }) {
  const reviews = await widgets.fetchWidget('reviews', { product_id: id, rating: 5 }, { next: { revalidate: 60, tags: ['reviews'] } });
  const [badge, bundles] = await widgets.fetchWidgets([
    { type: 'rating_badge', params: { product_id: id } },
    { type: 'bundles', params: { product_id: id } },
  ]);
  const type: 'bundles' = bundles.type;
  if (reviews.state === 'error') console.error(reviews.error.code, type);
  else if (reviews.state === 'ready') console.log(reviews.data?.summary.average?.length, reviews.jsonLd, reviews.ageS.toFixed());
  // @ts-expect-error only an error has one
  else console.log(reviews.error.code);
  const all: WidgetResult[] = [reviews, badge];
  console.log(all.filter(isCacheable).length, cspSources({ url: widgets.url }).connectSrc);
  return (
    <>
      <SumeruScript url={widgets.url} shop={widgets.shop} nonce={nonce} />
      <SumeruWidget result={reviews} label="Reviews" nonce={nonce} />
      <SumeruWidget type="reviews" productId={id} sort="newest" onReady={(event) => console.log(event.detail.key)} />
      <SumeruWidget type="bundles" productId={id} onAddToCart={(event) => console.log(event.detail.items[0]?.variant_id)} />
      <SumeruWidget result={widgets.placeholder('quiz', { quiz_id: 'gear' })}>
        <p>Scripts are needed here.</p>
      </SumeruWidget>
      <SumeruJsonLd results={[reviews]} data={{ '@type': 'Product' }} />
      <sumeru-widget type="rating_badge" product-id={id} />
      {/* @ts-expect-error reviews have no such order */}
      <SumeruWidget type="reviews" productId={id} sort="cheapest" />
      {/* @ts-expect-error an experiment has a name */}
      <SumeruWidget type="ab_experiment" />
      {/* @ts-expect-error there is no such widget */}
      <SumeruWidget type="weather" />
    </>
  );
}

export async function referral(secret: string, customerId: string) {
  const customerToken = mintCustomerToken({ secret, shopKey: widgets.shop, customerId });
  // @ts-expect-error never in an address
  await widgets.fetchWidget('referral', { customer_token: customerToken });
  // @ts-expect-error a batch is public
  await widgets.fetchWidgets([], { customerToken });
  return widgets.fetchWidget('referral', {}, { customerToken });
}

/** As Hydrogen's `withCache.fetch` takes it. */
export async function hydrogen(
  withCache: <T>(
    url: string,
    init: RequestInit,
    options: { cacheKey?: unknown; displayName?: string; shouldCacheResponse: (body: T, response: Response) => boolean },
  ) => Promise<{ data: T | null; response: Response }>,
) {
  const { url, init, read, ...cached } = widgets.widgetRequest('reviews', { product_id: 'prd_1' });
  const { data } = await withCache<unknown>(url, init, cached);
  return read(data);
}
