/** Reading the page: its loaders, its widgets, and when their content came. */

import { PARAMS } from '../parameters.js';
import { own } from '../script.js';

const SCRIPT = /^(.*\/)embed\/(?:v1|([0-9a-f]{16})\/loader)\.js(?:[?#]|$)/;
/** What any element of HTML may have, and what is the loader's own. What has a prefix (`data-`, `aria-`, `on…`, `v-`, `:`) is somebody else's. */
const GLOBAL =
  /^(accesskey|autocapitalize|autofocus|class|contenteditable|dir|draggable|enterkeyhint|exportparts|hidden|id|inert|inputmode|is|item.*|key|lang|light|live|nonce|params|part|popover|ref|role|slot|spellcheck|style|tabindex|title|translate|type|on.*|.*[:@.].*|.*-.*-.*|(aria|data|hx|ng|v|x)-.*)$/;

/** @param {Document} page @returns {import('./types.js').Loader[]} in the page's order */
export const loadersOf = (page) =>
  [...own(page, 'scripts')].flatMap((el) => {
    const found = SCRIPT.exec(el.src);
    if (!found) return [];
    // As the loader reads it (script.js).
    const api = el.dataset.api && new URL(el.dataset.api.replace(/\/*$/, '/'), el.src).href;
    const shop = (api ? /\/w\/v1\/([^/]+)\/$/ : /(\w+)/).exec(api || el.dataset.shop || el.src.split('shop=')[1] || '')?.[1] || '';
    return [{ el, src: el.src, root: found[1], hash: found[2] || '', shop, base: api || `${found[1]}w/v1/${shop}/` }];
  });

/** @param {Document} page @returns {Element[]} */
export const hostsOf = (page) => [...own(page, 'querySelectorAll', 'sumeru-widget,[data-sumeru-widget]:not(form)')];

/** @param {Element} el @param {string} name @returns {string|null} */
const read = (el, name) => el.getAttribute('data-' + name) || el.getAttribute(name);

/** As the loader writes it, from the element's attributes. @returns {string} */
const keyOf = (el, type, base) => {
  const url = new URL(base + type + '?' + (read(el, 'params') || ''));
  for (const name of PARAMS) {
    const value = read(el, name.replace('_', '-')) || (name === 'locale' && el.closest('[lang]:not(form)')?.lang);
    if (value) url.searchParams.append(name, value);
  }
  url.searchParams.sort();
  return url.href.slice(base.length);
};

const stateOf = (el) => {
  for (const name of ['ready', 'empty', 'error', 'loading']) {
    try {
      if (el.matches(`:state(${name})`)) return name;
    } catch {
      break; // a browser without custom states
    }
  }
  return el.shadowRoot ? 'shown' : 'waiting';
};

/** When a key's content came, by the browser's own clock of requests. */
const timeOf = (key, base) => {
  for (const entry of performance.getEntriesByType('resource').reverse()) {
    if (!/(batch|live)\?/.test(entry.name) || !entry.name.startsWith(base)) continue;
    if (!new URL(entry.name).searchParams.getAll('w').includes(key)) continue;
    const how = entry.transferSize ? `${Math.round(entry.duration)} ms` : 'from cache';
    return `at ${Math.round(entry.responseEnd)} ms (${how})`;
  }
  return '';
};

/** Attributes that say nothing to any widget: a slip of the pen, or a parameter under another name. */
const strangers = (el) =>
  el.getAttributeNames().filter((name) => !GLOBAL.test(name) && !PARAMS.includes(name.replace('-', '_')) && el.localName === 'sumeru-widget');

/**
 * @param {Element} el
 * @param {import('./types.js').Loader} [loader] the one that acts
 * @param {import('./types.js').Told} [told]
 * @returns {import('./types.js').Widget}
 */
export const widgetOf = (el, loader, told) => {
  const type = (read(el, 'sumeru-widget') || read(el, 'type') || '').replace('-', '_');
  const base = loader?.base || '';
  const own = type && loader?.shop ? keyOf(el, type, base) : '';
  const root = el.matches('[light]') ? el : el.shadowRoot;
  const styles = [...(root?.querySelectorAll('style') || [])];
  const time = own && timeOf(told?.key || own, base);
  return {
    el,
    type,
    key: own,
    base,
    shop: loader?.shop || '',
    state: told?.name === 'error' || told?.name === 'empty' ? told.name : stateOf(el),
    time: time || (styles.length ? 'in the page' : ''),
    pictures: [...(root?.querySelectorAll('img,video,source') || [])].map((each) => each.src),
    strangers: strangers(el),
    unstyled: styles.some((style) => !style.sheet),
  };
};
