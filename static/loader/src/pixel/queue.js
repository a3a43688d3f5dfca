/** What happened, until it is told: in memory only. */
import { agreed } from './consent.js';
import { ids, known } from './ids.js';
import { safe } from './listen.js';
import { MARK, base, customer, dataset, where } from './place.js';

const url = base + 'events';

/** @type {import('./types.js').Event[]} */
const waiting = [];
let timer;
/** One request at a time, so that a burst becomes few large ones; also during the pause after a failure. */
let busy;

const soon = () => {
  clearTimeout(timer);
  timer = setTimeout(flush, waiting[19] ? 0 : 3e3);
};

const send = async (batch, body) => {
  busy = 1;
  try {
    const answer = await fetch(url, { method: 'POST', body, keepalive: true, signal: AbortSignal.timeout(9e3) });
    if (answer.status > 428) throw 0;
  } catch {
    // Those that failed twice are dropped. The mark is no part of their JSON.
    if (agreed) waiting.unshift(...batch.filter((event) => !event[MARK] && (event[MARK] = 1)));
    await new Promise((done) => setTimeout(done, 1e3 + Math.random() * 3e3));
  }
  busy = 0;
  soon();
};

/**
 * Sends what waits, if it may: 100 events and 60 kB at most in a request.
 *
 * @param {unknown} [leaving] the page may be gone the next moment
 */
export const flush = safe((leaving) => {
  if (!agreed || !waiting[0] || document.prerendering === true || (busy && !leaving)) return;
  const who = ids();
  let count = 200;
  let body;
  do {
    count >>= 1;
    body = JSON.stringify({ events: waiting.slice(0, count).map((event) => ({ ...event, ...who })), ...customer });
  } while (new Blob([body]).size > 6e4);
  const batch = waiting.splice(0, count);
  // A string is text/plain: no preflight.
  if (leaving && navigator.sendBeacon(url, body)) flush(leaving);
  else send(batch, body);
});

/** Nothing that waits is told, and the server is asked to forget whom it may know. */
export const drop = () => {
  waiting.length = 0;
  const visitor_id = known();
  if (visitor_id) {
    const event = { id: crypto.randomUUID(), type: 'consent_withdrawn', occurred_at: new Date(), visitor_id };
    navigator.sendBeacon(url, JSON.stringify({ events: [event] }));
  }
};

/**
 * Keeps an event; it leaves when the visitor has agreed. Of the events before the decision the first 50 are kept.
 *
 * The server refuses a batch for one event that breaks its rules, so these are applied here: 4,096 characters of JSON (as
 * encoded for a URL, which is never shorter than what the server counts), five levels.
 *
 * @param {string} type lower case letters, digits and _.:-
 * @param {object} [properties]
 * @returns {number|undefined} 1 when it was taken
 */
export const track = safe((type, properties = {}) => {
  // Indented by a space for each level, so the end of a sixth one stands after five.
  const text = JSON.stringify(properties, null, 1);
  properties = JSON.parse(text);
  if (
    agreed !== false &&
    !waiting[agreed ? 499 : 49] &&
    type.match(/^[a-z][a-z\d_.:-]{0,63}$/) &&
    text[0] == '{' &&
    !/\n {5}.*[\]}],?\n/.test(text) &&
    !encodeURIComponent(text)[4096]
  ) {
    const id = crypto.randomUUID();
    waiting.push({ id, type, occurred_at: new Date(), ...where(), consent: 'granted', properties });
    soon();
    return 1;
  }
});
