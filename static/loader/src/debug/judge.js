/** From what was seen to findings. Pure: no network, and of the page nothing but what it is given. */
import {
  blocked,
  coep_images,
  csp_connect,
  csp_form_action,
  csp_images,
  csp_media,
  csp_other,
  csp_style,
  csp_trusted_types,
  invalid_parameter,
  missing_parameter,
  needs_token,
  no_crossorigin,
  no_shop,
  no_such_widget,
  no_type,
  no_widgets,
  not_async,
  offline,
  origin_refused,
  pending,
  rate_limited,
  server_failing,
  stale,
  stale_version,
  two_loaders,
  two_shops,
  unknown_attribute,
  unknown_shop,
} from './findings.json';
import { PARAMS } from '../parameters.js';

const RULES = {
  blocked, coep_images, csp_connect, csp_form_action, csp_images, csp_media, csp_other, csp_style, csp_trusted_types, invalid_parameter,
  missing_parameter, needs_token, no_crossorigin, no_shop, no_such_widget, no_type, no_widgets, not_async, offline, origin_refused, pending,
  rate_limited, server_failing, stale, stale_version, two_loaders, two_shops, unknown_attribute, unknown_shop,
};
const ORDER = ['error', 'warning', 'info'];

/** @param {string} text @param {Record<string, unknown>} values @returns {string} */
const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '').trim();

const originOf = (url) => {
  try {
    return new URL(url).origin;
  } catch {
    return url; // a word of the browser's own, such as `inline`
  }
};

/** The line that a policy needs: the directive, with what it or default-src has now, and the source. */
const withSource = (policy, directive, source) => {
  const all = policy.split(';').map((part) => part.trim().split(/\s+/));
  const name = directive.replace(/-(elem|attr)$/, '');
  const own = [directive, name, ...(/form-action|trusted/.test(name) ? [] : ['default-src'])]
    .map((each) => all.find(([found]) => found.toLowerCase() === each))
    .find(Boolean);
  const kept = (own || []).slice(1).filter((each) => each.toLowerCase() !== "'none'");
  return [name, ...kept, source].join(' ') + ';';
};

const tagOf = ({ root, shop }) => `<script async crossorigin src="${root}embed/v1.js" data-shop="${shop}"></script>`;

const aboutLoaders = (loaders, origin) => {
  const found = [];
  for (const loader of loaders) {
    const tag = tagOf(loader);
    if (loader.el.crossOrigin === null && originOf(loader.src) !== origin) found.push(['no_crossorigin', { tag }]);
    if (!loader.el.async && !loader.el.defer) found.push(['not_async', { tag }]);
    if (!loader.shop) found.push(['no_shop', { shop: 'SHOP' }]);
    const [entry] = performance.getEntriesByName(loader.src);
    if (loader.hash && loader.hash !== LOADER_HASH) {
      found.push(['stale_version', { found: loader.hash, current: LOADER_HASH, tag }]);
    } else if (!loader.hash && entry?.decodedBodySize && entry.decodedBodySize !== LOADER_BYTES) {
      found.push(['stale_version', { found: 'from a cache', current: LOADER_HASH, tag: 'Reload the page; the cache renews itself.' }]);
    }
  }
  if (loaders.length > 1) {
    const shops = [...new Set(loaders.map(({ shop }) => shop || 'none'))];
    const others = loaders.slice(1).map(({ src }) => src).join(', ');
    found.push(shops.length > 1 ? ['two_shops', { shops: shops.join(', '), others }] : ['two_loaders', { count: loaders.length, others }]);
  }
  return found;
};

const aboutRefusals = (refusals, loader, widgets) => {
  const pictures = widgets.flatMap((widget) => widget.pictures);
  const server = originOf(loader.base);
  return refusals.flatMap(({ directive, url, policy, sample }) => {
    const origin = originOf(url);
    const ours = origin === server;
    // Some browsers report no more of a picture's address than its origin.
    const shown = pictures.some((each) => each === url || (url === origin && originOf(each) === origin));
    const line = withSource(policy, directive, origin);
    if (directive === 'coep') return shown ? [['coep_images', { policy, origin }]] : [];
    if (directive === 'connect-src' && ours) return [['csp_connect', { origin, line }]];
    if (directive === 'img-src' && shown) return [['csp_images', { origin, line }]];
    if (directive === 'media-src' && shown) return [['csp_media', { origin, line }]];
    if (directive === 'form-action' && ours) return [['csp_form_action', { origin, line }]];
    if (directive === 'trusted-types' && /^sumeru\b/.test(sample)) {
      return [['csp_trusted_types', { line: withSource(policy, directive, 'sumeru') }]];
    }
    return ours ? [['csp_other', { what: url, directive, line }]] : [];
  });
};

/** What a 400 says about each parameter. */
const aboutParameters = ({ el, type }, details) =>
  Object.entries(details || {}).map(([name, reasons]) => {
    const why = [].concat(reasons).join(' ');
    // About several together: which ones stands in the sentence.
    const names = name === 'non_field_errors' ? why.match(/\b[a-z]+(_[a-z]+)+\b/g) || ['params'] : [name];
    const attributes = names.map((each) => each.replace(/_/g, '-'));
    const given = (each) => el.getAttribute('data-' + each) || el.getAttribute(each);
    const attribute = attributes.find(given);
    return attribute
      ? ['invalid_parameter', { type, why, attribute, value: given(attribute) }]
      : ['missing_parameter', { type, parameter: names.join(' or '), attribute: attributes[0] }];
  });

const ageOf = (s) => (s < 5400 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`);

const aboutWidget = (widget, origin, refusals) => {
  const { type, answer, shop, base } = widget;
  if (!type) return [['no_type', { example: 'reviews' }]];
  const found = widget.strangers.map((attribute) => ['unknown_attribute', { type, attribute, known: PARAMS.join(', ').replaceAll('_', '-') }]);
  if (widget.unstyled) found.push(['csp_style', { nonce: '…' }]);
  if (!answer) return found;
  const { status, body, reachable } = answer;
  const details = body?.error?.details;
  const server = originOf(base);
  if (!status) {
    const refused = refusals.some((each) => each.directive === 'connect-src' && originOf(each.url) === server);
    if (reachable) found.push(['origin_refused', { origin, name: 'your shop' }]);
    else if (!navigator.onLine) found.push(['offline', {}]);
    else if (!refused) found.push(['blocked', { origin: server }]);
  } else if (status === 404) {
    found.push(details?.what === 'shop' ? ['unknown_shop', { shop }] : ['no_such_widget', { type }]);
  } else if (status === 400) found.push(...aboutParameters(widget, details));
  else if (status === 401) found.push(['needs_token', { type }]);
  else if (status === 429) found.push(['rate_limited', { type, seconds: details?.retry_after || 60 }]);
  else if (status > 499) found.push(['server_failing', { type, status }]);
  else if (body?.state === 'pending') found.push(['pending', { type, shop }]);
  else if (body?.age_s > 0) found.push(['stale', { type, shop, age: ageOf(body.age_s) }]);
  return found;
};

/**
 * @param {{loaders: import('./types.js').Loader[], widgets: import('./types.js').Widget[],
 *   refusals: import('./types.js').Refusal[], origin: string}} seen
 * @returns {import('./types.js').Finding[]} errors first, each once
 */
export const judge = ({ loaders, widgets, refusals, origin }) => {
  const found = [
    ...aboutLoaders(loaders, origin),
    ...(loaders.length ? aboutRefusals(refusals, loaders[0], widgets) : []),
    ...(widgets.length ? [] : [['no_widgets', {}]]),
    ...widgets.flatMap((widget) => aboutWidget(widget, origin, refusals)),
  ].map(([code, values]) => ({
    code,
    severity: RULES[code].severity,
    text: filled(RULES[code].text, values),
    fix: filled(RULES[code].fix, values),
  }));
  const once = new Map(found.map((each) => [each.code + each.text, each]));
  return [...once.values()].sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
};
