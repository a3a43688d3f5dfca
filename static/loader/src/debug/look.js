/** Reading the page: its loaders, its widgets, and when their content came. */

const SCRIPT = /^(.*\/)embed\/(?:v1|([0-9a-f]{16})\/loader)\.js(?:[?#]|$)/;
// The loader's own list (address.js): a module of its own would change the loader's bytes.
const PARAMS =
  'product-id quiz-id cart-id cart-total currency item-count experiment page limit sort rating locale collection placement product-ids media'.split(
    ' ',
  );

/** @param {Document} page @returns {import('./types.js').Loader[]} in the page's order */
export const loadersOf = (page) =>
  [...page.scripts].flatMap((el) => {
    const found = SCRIPT.exec(el.src);
    if (!found) return [];
    const api = el.dataset.api;
    const shop = (api ? /\/w\/v1\/([^/]+)\/$/.exec(api)?.[1] : el.dataset.shop) || '';
    return [{ el, src: el.src, root: found[1], hash: found[2] || '', shop, base: api || `${found[1]}w/v1/${shop}/` }];
  });

/** @param {Document} page @returns {Element[]} */
export const hostsOf = (page) => [...page.querySelectorAll('sumeru-widget,[data-sumeru-widget]')];

/** @param {Element} el @param {string} name @returns {string|null} */
const read = (el, name) => el.getAttribute('data-' + name) || el.getAttribute(name);

/** As the loader writes it, from the element's attributes. @returns {string} */
const keyOf = (el, type, base) => {
  const url = new URL(base + type + '?' + (read(el, 'params') || ''));
  for (const name of PARAMS) {
    const value = read(el, name) || (name === 'locale' && el.closest('[lang]')?.lang);
    if (value) url.searchParams.append(name.replace('-', '_'), value);
  }
  url.searchParams.sort();
  return url.href.slice(base.length);
};

const stateOf = (el) => {
  for (const name of ['ready', 'error', 'loading']) {
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
    unstyled: styles.some((style) => !style.sheet),
  };
};
