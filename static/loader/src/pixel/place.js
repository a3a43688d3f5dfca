/** Which page this is, and what the script's own element says. A page may become another one without a load. */

import { own, said } from '../script.js';

export const { dataset, base } = said(own(document, 'currentScript'));

/** The token by which the storefront's server says who is signed in; it goes with the next events. */
export const customer = { customer_token: dataset.customerToken };

/** Where a widget or an event keeps what we know of it. */
export const MARK = Symbol();

let page;
let referrer = own(document, 'referrer');

/** What this page has reported, each once for a page: its view at 1, its product at 2. @type {1[]} */
export const reported = [];

/** Notices that the address changed. The fragment is a place in the page. */
export const turn = () => {
  const [now] = location.href.split('#');
  if (page != now) {
    referrer = page || referrer;
    page = now;
    reported.length = 0;
  }
};

/**
 * Nothing for what the server would not take (other schemes, names without a dot, credentials): one refused address would refuse
 * the whole batch. Any piece of a path or query that holds an e-mail address is cut out, however often it was encoded.
 */
const clean = (href) =>
  /^https?:\/\/(localhost|[a-z\d.-]+\.[a-z\d-]+)[:/]/.test(href)
    ? href.slice(0, 2048).replace(/[^/?&=]+(@|%(25)*40)[^/?&=]*/g, '')
    : '';

/** @returns {{url: string, referrer: string}} */
export const where = () => {
  turn();
  return { url: clean(page), referrer: clean(referrer) };
};
