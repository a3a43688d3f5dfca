/** Putting content on the page. */
import { own } from './script.js';

/** @type {Record<string, CSSStyleSheet>} by their text, so that one object serves every root */
const sheets = {};
let policy;

/** Adopted sheets pass any style-src. @param {string} css @returns {CSSStyleSheet} */
const sheetOf = (css) => {
  if (!sheets[css]) (sheets[css] = new CSSStyleSheet()).replaceSync(css);
  return sheets[css];
};

/**
 * Without HTML the host's own children show again. Parses first: when that throws (Trusted Types refused), nothing was
 * changed.
 *
 * @param {Element} el the host
 * @param {import('./types.js').Item} item
 * @param {Element|undefined} part the element to replace; all of the content without it
 * @param {unknown} [keep] whether a form that a person may have begun stays
 * @returns {HTMLElement|null} what deserves the focus when a person asked for this content
 */
export const show = (el, { html, css }, part, keep) => {
  const box = own(document, 'createElement', 'p');
  html ||= '<slot>';
  if (box.setHTML) {
    // The empty configuration removes what can run script and nothing else; the default one also removes forms and data-*.
    box.setHTML(html, { sanitizer: {} });
  } else {
    // Made on first need: making it under `trusted-types 'none'` is a violation.
    box.innerHTML = (policy ||= Object.hasOwn(self, 'trustedTypes') && trustedTypes.createPolicy('sumeru', { createHTML: (text) => text })) ? policy.createHTML(html) : html;
  }
  const focus = box.querySelector('[data-focus]');
  const root = rootOf(el) || el.attachShadow({ mode: 'open' });
  if (css) root.adoptedStyleSheets = [sheetOf(css)];
  const form = keep && root.querySelector('form[data-keep]');
  // Moved as it is, with what was typed, to where the new content has its own or the link to it.
  if (form) box.querySelector('[data-keep]')?.replaceWith(form);
  if (part) part.replaceWith(...box.childNodes);
  else root.replaceChildren(...box.childNodes);
  return focus;
};

/**
 * Where a host has its content. The server gives `light` to hosts whose content came as their own children.
 *
 * @param {Element} el
 * @returns {Element|ShadowRoot|null} null when there is none yet
 */
export const rootOf = (el) => (el.matches('[light]') ? el : el.shadowRoot);

/**
 * Takes over HTML that the page came with; it is never rendered again.
 *
 * @param {Element} el
 * @returns {Element|ShadowRoot|null} null when there is none
 */
export const adopt = (el) => {
  // innerHTML does not make declarative roots, so on a client navigation the template is still a template. One deeper down is what
  // people wrote; and none comes alive without the sanitizer: then the content is asked for.
  const template = el.querySelector(':scope>template[shadowrootmode]');
  if (template?.setHTML) show(el, { html: template.innerHTML });
  const root = rootOf(el);
  // Also as sheets: the page's style-src may have refused the elements.
  if (root) root.adoptedStyleSheets = [...root.querySelectorAll('style')].map((style) => sheetOf(style.textContent));
  return root;
};
