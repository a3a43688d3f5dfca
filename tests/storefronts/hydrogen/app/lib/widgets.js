// sample: hydrogen-lib
// app/lib/widgets.js
import { CacheShort } from '@shopify/hydrogen';
import { forLoader, isCacheable } from 'sumeru-widgets/server';

/**
 * A widget for a page, and never an exception: finished in a document, only its place after a client navigation, because there
 * the loader on the page fills it in with a request that the browser's cache often answers.
 */
export async function widgetFor({ request, context: { widgets, withCache } }, type, params) {
  if (request.headers.get('Sec-Fetch-Dest') === 'empty') return widgets.placeholder(type, params);
  const result = await withCache.run(
    { cacheKey: ['sumeru', type, params], cacheStrategy: CacheShort(), shouldCacheResult: isCacheable },
    () => widgets.fetchWidget(type, params),
  );
  return forLoader(result);
}

/** The badges of a list, in one request. */
export async function badgesFor({ request, context: { widgets, withCache } }, ids) {
  const wishes = ids.map((id) => ({ type: 'rating_badge', params: { product_id: id } }));
  if (request.headers.get('Sec-Fetch-Dest') === 'empty') return wishes.map((each) => widgets.placeholder(each.type, each.params));
  const results = await withCache.run(
    { cacheKey: ['sumeru', 'badges', ids], cacheStrategy: CacheShort(), shouldCacheResult: (all) => all.every(isCacheable) },
    () => widgets.fetchWidgets(wishes),
  );
  return results.map(forLoader);
}
// end of sample
