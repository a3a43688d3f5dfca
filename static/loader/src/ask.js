/** Asking the server: many widgets in one request, each key once. */
import { base } from './address.js';

/** One factor per page: browsers are spread, while the widgets of one page still wake together and share a request. */
const jitter = 1e3 + Math.random() * 500;

/** @param {number} s seconds, stretched by up to a half @returns {Promise<void>} */
export const wait = (s) => new Promise((done) => setTimeout(done, s * jitter));

/**
 * A simple request (no preflight), 9 s at most. Rejects when the network or the server failed or the answer is no JSON.
 *
 * @param {string} url
 * @param {URLSearchParams} [body] makes it a POST
 * @returns {Promise<import('./types.js').Answer & import('./types.js').Item>} an answer to GET, an item to a submission
 */
export const call = async (url, body) => {
  const answer = await fetch(url, { method: body && 'POST', body, signal: AbortSignal.timeout(9e3) });
  if (answer.status > 499) throw Error(answer.status);
  return answer.json();
};

/** Per path the keys that leave with the next request, each with the functions that take its answer. */
const queues = {};

const send = (path, jobs = queues[path], keys = Object.keys(jobs).sort()) => {
  const url = base + path + '?' + new URLSearchParams(keys.map((key) => ['w', key]));
  queues[path] = 0;
  // An address of 4,000 characters is split as soon as it holds two.
  if (keys[url[4e3] ? 1 : 60]) {
    send(path, jobs, keys.splice(keys.length / 2));
    send(path, jobs, keys);
  } else {
    const answer = call(url).catch(() => wait(0.5).then(() => call(url)));
    keys.map((key, i) => jobs[key].map((done) => done(answer.then((all) => ({ ...all, ...all.items?.[i] })))));
  }
};

/**
 * @param {string} key
 * @param {import('./types.js').Path} path
 * @param {number} tries how many there were before this one
 * @returns {Promise<import('./types.js').Item>} rejects when two tries, with a pause between them, failed
 */
export const ask = (key, path, tries) =>
  new Promise((done) => {
    // Those that come back are gathered for 9 ms and more: browsers wake timers of the same moment up to 8 ms apart.
    ((queues[path] ||= (setTimeout(send, 9 * tries, path), {}))[key] ||= []).push(done);
  });
