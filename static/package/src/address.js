/** How a widget with its parameters is written: as a URL of the API, and as attributes of the element. */
import { PARAMS } from './parameters.js';

/** Parameters that are attributes by themselves (the loader's own list); any other stands in `params`. */
const ATTRIBUTES = new Set(PARAMS);

/** Widgets about one cart, visitor or customer: no cache that visitors share may keep them. */
const PRIVATE = new Set(['ab_experiment', 'cart_nudge', 'quiz', 'referral', 'upsell']);
/** Those of them that are asked for again when a page comes back from the browser's memory; a form half filled in is not. */
const LIVE = new Set(['ab_experiment', 'cart_nudge', 'upsell']);

/** Whether what the widget shows is one visitor's own. @param {Record<string, unknown>} params */
export const isPrivate = (type, params) => PRIVATE.has(type) || (type === 'reviews' && Boolean(params.write));
/** Whether the host element says that it lives. */
export const isLive = (type) => LIVE.has(type);

const snake = (name) => name.replace(/[A-Z]/g, (letter) => '_' + letter.toLowerCase());

/**
 * The parameters as text under the API's names, sorted; what is empty or false is left out.
 *
 * @param {Record<string, unknown>} params in camelCase or as the API writes them
 * @returns {[string, string][]}
 */
export const pairs = (params) =>
  Object.entries(params)
    .filter(([, value]) => value !== undefined && value !== null && value !== '' && value !== false)
    .map(([name, value]) => [snake(name), value === true ? '1' : Array.isArray(value) ? value.join(',') : String(value)])
    .sort(([a], [b]) => (a < b ? -1 : 1));

/** @returns {string} `reviews?product_id=prd_1`: the same text for the same widget, whatever order its parameters came in */
export const keyOf = (type, params) => {
  const query = new URLSearchParams(pairs(params)).toString();
  return type + (query && '?' + query);
};

/** @returns {Record<string, string>} what the host element says, so that a loader on the page asks for the same */
export const attributesOf = (type, params) => {
  const found = { type };
  const others = [];
  for (const [name, value] of pairs(params)) {
    if (ATTRIBUTES.has(name)) found[name.replaceAll('_', '-')] = value;
    else others.push([name, value]);
  }
  if (others.length) found.params = new URLSearchParams(others).toString();
  return found;
};
