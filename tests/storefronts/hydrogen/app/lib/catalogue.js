/** The shop's goods. Elsewhere they come from Shopify's Storefront API; here from the shop's product feed. */
import { CacheCustom } from '@shopify/hydrogen';

export const COLLECTIONS = { packs: 'Packs', camp: 'Camp' };

/** Shown for a day when nothing newer can be had. */
const KEPT = CacheCustom({ mode: 'public', maxAge: 60, staleWhileRevalidate: 86_400 });

/** @returns {Promise<{id: string, variant: string, title: string, price: {amount: string, text: string}}[]>} or throws a 503 */
async function load({ context: { widgets, withCache } }, params) {
  const feed = await withCache.run(
    { cacheKey: ['catalogue', params], cacheStrategy: KEPT, shouldCacheResult: (result) => result.state === 'ready' },
    () => widgets.fetchWidget('product_feed', params),
  );
  if (feed.state === 'empty') return [];
  if (feed.state !== 'ready') throw new Response('The catalogue cannot be read now.', { status: 503, headers: { 'Retry-After': '2' } });
  return feed.data.products.map(({ product_id, variant_id, title, price }) => ({ id: product_id, variant: variant_id, title, price }));
}

export const collection = (args, handle) => load(args, { collection: handle, limit: 4 });

/** Throws a 404 for what is not sold. */
export async function product(args, id) {
  const [found] = await load(args, { product_ids: id });
  if (!found) throw new Response('Not found', { status: 404 });
  return found;
}

/** Of all collections, for links. */
export const everything = async (args) => (await Promise.all(Object.keys(COLLECTIONS).map((each) => collection(args, each)))).flat();
