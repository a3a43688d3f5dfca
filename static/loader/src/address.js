/** Where the API is, and how a widget with its parameters is written in a URL. */

const { src, dataset } = document.currentScript;

/** What stands before the last `embed` of the script's own address, a path prefix of a first-party proxy included. */
export const home = /.*\/(?=embed)/.exec(src);

/** The API base, absolute, ending in a slash, unless `data-api` names it in full. Nothing outside it is fetched. */
export const base = dataset.api || `${home}w/v1/${dataset.shop}/`;

/** The custom element's name; any other element is a widget by its `data-sumeru-widget`. */
export const TAG = 'sumeru-widget';
export const SELECTOR = TAG + ',[data-' + TAG + ']';

/** Attributes that become parameters; `params` holds further ones as a query. An allow-list, because the parameters are the cache key. */
const PARAMS =
  'locale limit page currency quiz-id cart-id cart-total media rating product-id product-ids experiment collection sort item-count placement'.split(
    ' ',
  );

/**
 * `rating_badge?locale=de&product_id=prd_1`: the full page's address without the base, sorted by name, encoded as a form is.
 *
 * @param {URL} url a widget's full page, inside the API base; its parameters get sorted
 * @returns {string}
 */
export const keyFrom = (url) => {
  url.searchParams.sort();
  return url.href.slice(base.length);
};

/** @param {Element} el @returns {string|null} what the element's attributes ask for; null without a type */
export const keyOf = (el) => {
  const read = (name) => el.getAttribute('data-' + name) || el.getAttribute(name);
  const type = read(TAG) || read('type');
  const url = new URL(base + type?.replace('-', '_') + '?' + (read('params') || ''));
  PARAMS.map((name) => {
    const value = read(name) || (name == 'locale' && el.closest('[lang]')?.lang);
    if (value) url.searchParams.append(name.replace('-', '_'), value);
  });
  return type && keyFrom(url);
};
