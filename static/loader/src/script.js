/** The script's own element, what it says, and a way to ask the page that its content cannot bend. Loader and pixel share it. */

/**
 * A property of the object's own kind, called when it is a function. In a document and in a form an element named like the property
 * stands in its place (`<img name=currentScript>`), so what people write into a page would answer for the browser.
 *
 * @param {Node} node
 * @param {string} name
 * @param {...unknown} args
 * @returns {any} undefined when its kind has no such property
 */
export const own = (node, name, ...args) => {
  const value = Reflect.get(Object.getPrototypeOf(node), name, node);
  return value?.call ? value.call(node, ...args) : value;
};

/** The page's `sumeru`, when a script made it: an element with that id is found under the same name. */
export const earlier = Object.hasOwn(self, 'sumeru') && self.sumeru;

/**
 * @param {HTMLScriptElement|null|undefined} el the script's own element
 * @returns {{src: string, dataset: DOMStringMap, home: RegExpExecArray|null, base: string|null}} `home` is what stands before the last
 *   `embed` of its address, a path prefix of a first-party proxy included; `base` is the API, absolute, ending in a slash, null when
 *   nothing says which shop
 */
export const said = (el) => {
  const { src = '', dataset = {} } = el || {};
  const home = /.*\/(?=embed)/.exec(src);
  // Tag managers keep the address of a script and nothing else.
  const shop = /\w+/.exec(dataset.shop || src.split('shop=')[1] || '');
  return { src, dataset, home, base: dataset.api ? new URL(dataset.api.replace(/\/*$/, '/'), src).href : shop && `${home}w/v1/${shop}/` };
};
