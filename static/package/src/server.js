/** Widgets for a storefront's own server: one request, one try, a time limit, and a result that never is an exception. */
import { attributesOf, isLive, isPrivate, keyOf, pairs } from './address.js';

export { attributesOf };

/** Widgets in one `batch` request; the API takes no more. */
const PER_BATCH = 60;
/** Characters of a query; the API refuses 4,096. */
const QUERY_CHARS = 4000;

const problem = (code, message, more) => ({ code, message, ...more });

const escape = (text) => String(text).replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The element as text, as the server writes it. Without content it holds its link, and a loader on the page fills it. */
const elementOf = ({ type, params, href }, label, inner, css) => {
  const said = { ...attributesOf(type, params), ...(isLive(type) ? { live: '' } : {}), 'v-pre': '', 'ng-non-bindable': '' };
  const attributes = Object.entries(said).map(([name, value]) => ` ${name}` + (value && `="${escape(value)}"`));
  const root = inner === undefined ? '' : `<template shadowrootmode="open">${inner && css && `<style>${css}</style>`}${inner}</template>`;
  const link = inner === '' ? '' : `<a href="${escape(href)}">${escape(label)}</a>`;
  return `<sumeru-widget${attributes.join('')}>${root}${link}</sumeru-widget>`;
};

/** Whether this is what a shared cache may keep: finished, and true for every visitor. */
export const isCacheable = (result) => (result.state === 'ready' || result.state === 'empty') && !result.isPrivate;

/** What a loader of React Router returns is sent to the browser beside the page; what cannot be enumerated is left out of that. */
export const forLoader = ({ innerHtml, css, ...result }) =>
  Object.defineProperties({ ...result, html: '', data: null }, { innerHtml: { value: innerHtml }, css: { value: css } });

/** The shop's server key, where the environment has one; a bundle for browsers never does. */
const ownKey = () => globalThis.process?.env?.SUMERU_SERVER_KEY;

export function createWidgets({ url, shop, timeoutMs = 800, fetch: ownFetch, headers: ownHeaders, serverKey = ownKey() }) {
  if (!/^https?:\/\//.test(url)) throw new TypeError('url is the address of the widget server: https://…');
  if (!/^[A-Za-z0-9_]{1,40}$/.test(shop)) throw new TypeError('shop is the key in the embed code (data-shop)');
  const server = url.replace(/\/+$/, '');
  const base = `${server}/w/v1/${shop}/`;

  /** What every result says, whatever became of the request: also the element, for the loader to fill. */
  const about = (type, params, { label = 'Show' } = {}) => {
    const known = {
      type,
      params: Object.fromEntries(pairs(params)),
      href: base + keyOf(type, params),
      isPrivate: isPrivate(type, params),
    };
    return { ...known, html: elementOf(known, label) };
  };

  const without = (known, state, error, more) => ({
    ...known,
    state,
    innerHtml: '',
    css: '',
    data: null,
    jsonLd: null,
    fresh: false,
    ageS: 0,
    ...more,
    ...(error ? { error } : {}),
  });

  const failed = (known, error) => without(known, 'error', error);

  const initOf = (own, { customerToken, headers, signal, timeoutMs: ownTimeoutMs = timeoutMs, next, cache }) => {
    const limit = AbortSignal.timeout(ownTimeoutMs);
    return {
      headers: {
        Accept: 'application/json',
        // The answer is 202 instead of 200 when it is not finished, so that caches that go by the status do not keep it.
        Prefer: 'respond-async',
        ...(serverKey ? { 'Sumeru-Server-Key': serverKey } : {}),
        ...ownHeaders,
        ...headers,
        ...(customerToken ? { Authorization: `Bearer ${customerToken}` } : {}),
      },
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
      ...(own || customerToken ? { cache: 'no-store' } : { ...(cache ? { cache } : {}), ...(next ? { next } : {}) }),
    };
  };

  /** @returns {Promise<{body?: any, error?: object}>} */
  const ask = async (address, own, options) => {
    try {
      const answer = await (ownFetch || fetch)(address, initOf(own, options));
      let body;
      try {
        body = await answer.json();
      } catch (reason) {
        if (reason?.name === 'TimeoutError' || reason?.name === 'AbortError') throw reason;
      }
      if (body?.error?.code) {
        return { error: problem(body.error.code, body.error.message, { status: answer.status, details: body.error.details }) };
      }
      if (!answer.ok || !body || typeof body !== 'object') {
        return { error: problem('invalid_answer', `The widget server answered ${answer.status} without JSON.`, { status: answer.status }) };
      }
      return { body };
    } catch (reason) {
      const timeout = reason?.name === 'TimeoutError';
      if (timeout) return { error: problem('timeout', 'The widget server did not answer in time.') };
      return { error: problem(reason?.name === 'AbortError' ? 'aborted' : 'unreachable', String(reason?.message || reason)) };
    }
  };

  const isText = (value) => typeof value === 'string';

  /** A `.json` body as a result. Never throws, whatever the body. */
  const read = (known, body) => {
    const fits = isText(body?.state) && ['html', 'inner_html', 'css'].every((name) => isText(body[name]));
    if (!fits) return failed(known, problem('invalid_answer', 'The widget server answered something that is no widget.'));
    const common = { fresh: body.fresh === true, ageS: Number(body.age_s) || 0 };
    if (body.state === 'pending') return without(known, 'pending', undefined, { ...common, retryAfterS: Number(body.retry_after_s) || 1 });
    if (body.state !== 'ready' && body.state !== 'empty') {
      return failed(known, body.error || problem('invalid_answer', `Unknown state: ${body.state}.`));
    }
    return {
      ...known,
      state: body.state,
      html: body.html,
      innerHtml: body.inner_html,
      css: body.css,
      data: body.data ?? null,
      jsonLd: body.json_ld ?? null,
      ...common,
    };
  };

  /** A problem of the call itself, or undefined. */
  const misuse = (type, params) => {
    if (!/^[a-z][a-z_]{0,39}$/.test(type)) return problem('invalid_call', `No widget has the type ${JSON.stringify(type)}.`);
    if (pairs(params).some(([name]) => name === 'customer_token')) {
      return problem('invalid_call', 'Give the customer token as the option customerToken: in an address it would be logged.');
    }
    return undefined;
  };

  const placeholder = (type, params = {}, options = {}) => without(about(type, params, options), 'pending');

  async function fetchWidget(type, params = {}, options = {}) {
    const wrong = misuse(type, params);
    if (wrong) return failed({ ...about(type, {}), href: base + encodeURIComponent(type), html: '' }, wrong);
    const known = about(type, params, options);
    const { body, error } = await ask(base + keyOf(`${type}.json`, params), known.isPrivate, options);
    return error ? failed(known, error) : read(known, body);
  }

  /** A widget's request in parts, for caches that make the request themselves: Hydrogen's `withCache`. */
  function widgetRequest(type, params = {}, options = {}) {
    const wrong = misuse(type, params);
    if (wrong) throw new TypeError(wrong.message);
    const known = about(type, params, options);
    const readBody = (body) => (body === null ? failed(known, problem('unreachable', 'There was no answer.')) : read(known, body));
    return {
      url: base + keyOf(`${type}.json`, params),
      init: initOf(known.isPrivate, options),
      cacheKey: ['sumeru-widgets', base + keyOf(type, params)],
      displayName: `Sumeru ${type}`,
      read: readBody,
      shouldCacheResponse: (body, response) => response.status === 200 && isCacheable(readBody(body)),
      shouldCacheResult: isCacheable,
    };
  }

  /** Parts of at most 60 whose query is not too long. */
  const parted = (keys) => {
    const parts = [];
    let chars = QUERY_CHARS;
    for (const key of keys) {
      const own = encodeURIComponent(key).length + 3;
      if (chars + own > QUERY_CHARS || parts.at(-1).length === PER_BATCH) {
        parts.push([]);
        chars = 0;
      }
      parts.at(-1).push(key);
      chars += own;
    }
    return parts;
  };

  async function fetchWidgets(wishes, options = {}) {
    if (options.customerToken) throw new TypeError('A batch is public: use fetchWidget with a customer token.');
    const results = wishes.map(({ type, params = {} }) => {
      const wrong = misuse(type, params);
      return wrong && failed({ ...about(type, {}), href: base + encodeURIComponent(type), html: '' }, wrong);
    });
    const keys = wishes.map(({ type, params = {} }, i) => (results[i] ? '' : keyOf(type, params)));
    // Each once and sorted: equal pages have the same address, and the same copy in every cache on the way.
    const parts = parted([...new Set(keys.filter(Boolean))].sort());
    const answers = await Promise.all(parts.map((part) => ask(`${base}batch?${new URLSearchParams(part.map((key) => ['w', key]))}`, false, options)));
    const found = new Map();
    parts.forEach((part, n) => {
      const { body, error } = answers[n];
      const whole = Array.isArray(body?.items) && body.items.length === part.length && isText(body.css);
      const fault = error || (whole ? undefined : problem('invalid_answer', 'The widget server answered something that is no batch.'));
      part.forEach((key, i) => found.set(key, fault ? { fault } : { item: body.items[i], css: body.css }));
    });
    return wishes.map(({ type, params = {} }, i) => {
      if (results[i]) return results[i];
      const known = about(type, params, options);
      const { fault, item, css } = found.get(keys[i]);
      if (fault) return failed(known, fault);
      if (item?.state === 'live' || item?.state === 'alone') return without(known, 'pending');
      if (item?.state === 'pending') return without(known, 'pending', undefined, { retryAfterS: Number(item.retry_after_s) || 1 });
      if ((item?.state === 'ready' || item?.state === 'empty') && isText(item.html)) {
        return { ...without(known, item.state), innerHtml: item.html, html: elementOf(known, options.label || 'Show', item.html, css), css, fresh: true };
      }
      return failed(known, item?.error || problem('invalid_answer', 'The widget server answered something that is no widget.'));
    });
  }

  return { url: server, shop, scriptUrl: `${server}/embed/v1.js`, fetchWidget, fetchWidgets, widgetRequest, placeholder };
}
