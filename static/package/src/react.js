/** React components, for server components and for the client. React 18 and 19. */
import { createElement } from 'react';
import { attributesOf, isLive, keyOf } from './address.js';
import { Host, Once } from './react-host.js';

const EVENTS = ['onReady', 'onEmpty', 'onPage', 'onBeforeSubmit', 'onSubmit', 'onAddToCart', 'onNavigate', 'onError'];
const OWN = new Set(['type', 'result', 'href', 'label', 'nonce', 'className', 'id', 'children', ...EVENTS]);

/** One widget. A change of what it shows makes a new element, so that nothing of the widget before stays on the page. */
export function SumeruWidget({ result, ...props }) {
  const type = result ? result.type : props.type;
  const params = result ? result.params : Object.fromEntries(Object.entries(props).filter(([name]) => !OWN.has(name)));
  const href = props.href || result?.href;
  const events = Object.fromEntries(EVENTS.filter((name) => props[name]).map((name) => [name, props[name]]));
  const finished = (result?.state === 'ready' || result?.state === 'empty') && !props.children;
  return createElement(Host, {
    // Only what the browser needs: properties of a client component are sent to it a second time, beside the HTML.
    key: keyOf(type, params),
    attributes: attributesOf(type, params),
    live: isLive(type),
    // A result of `forLoader` came to the browser without its HTML, which is on the page already and not compared.
    ...(finished ? { inner: result.innerHtml ?? '', css: result.css ?? '' } : {}),
    ...(href ? { href } : {}),
    ...(props.label ? { label: props.label } : {}),
    ...(props.nonce ? { nonce: props.nonce } : {}),
    ...(props.className ? { className: props.className } : {}),
    ...(props.id ? { id: props.id } : {}),
    ...events,
    children: props.children,
  });
}

/** The loader, once for all pages: in the root layout. */
export function SumeruScript({ url, shop, nonce, integrity, src }) {
  return createElement('script', {
    async: true,
    crossOrigin: 'anonymous',
    src: src || `${url.replace(/\/+$/, '')}/embed/v1.js`,
    'data-shop': shop,
    suppressHydrationWarning: true,
    ...(nonce ? { nonce } : {}),
    ...(integrity ? { integrity } : {}),
  });
}

/** Objects with the same `@id` become one; later fields win. */
const merged = (objects) => {
  const byId = new Map();
  objects.forEach((each, i) => {
    const id = each['@id'] || i;
    byId.set(id, { ...byId.get(id), ...each });
  });
  return [...byId.values()];
};

const escaped = (sign) => '\\u' + sign.charCodeAt(0).toString(16).padStart(4, '0');

/** JSON that cannot end the script element it stands in, and in which no template engine finds an expression. */
const safe = (value) =>
  JSON.stringify(value)
    .replace(/[<>&\u2028\u2029]/g, escaped)
    .replace(/"(?:[^"\\]|\\.)*"/g, (text) => text.replace(/[{}[\]](?=.)|[$#@%*](?=\{)/g, escaped));

/** The structured data of a page in one element: the storefront's own, and that of the widgets. Nothing when there is none. */
export function SumeruJsonLd({ results = [], data = [], nonce }) {
  const own = Array.isArray(data) ? data : [data];
  const all = merged([...own, ...results.map((each) => each.jsonLd)].filter(Boolean));
  if (!all.length) return null;
  const whole =
    all.length === 1
      ? { '@context': 'https://schema.org', ...all[0] }
      : { '@context': 'https://schema.org', '@graph': all.map(({ '@context': _context, ...rest }) => rest) };
  return createElement(Once, { json: safe(whole), ...(nonce ? { nonce } : {}) });
}
