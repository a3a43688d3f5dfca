/** Where the API is, and how a widget with its parameters is written in a URL. */

import { PARAMS } from './parameters.js';
import { own, said } from './script.js';

/** Nothing outside `base` is fetched. A module is not told which element it came from. */
export const { home, base } = said(
  own(document, 'currentScript') || [...own(document, 'scripts')].find(({ src }) => /embed.*(v1|loader)\.js/.test(src)),
);

/** The custom element's name; any other element is a widget by its `data-sumeru-widget`, but no form, which can hold no root. */
export const TAG = 'sumeru-widget';
export const SELECTOR = TAG + ',[data-' + TAG + ']:not(form)';

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
    const value = read(name.replace('_', '-')) || (name == 'locale' && el.closest('[lang]:not(form)')?.lang);
    if (value) url.searchParams.append(name, value);
  });
  return type && keyFrom(url);
};
