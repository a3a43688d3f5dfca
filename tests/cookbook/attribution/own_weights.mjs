// sample: attribution-js
// Credits every order's revenue to its touches by your own weights, to the cent: node own_weights.mjs
import { company, credit } from './credit.mjs'; // from /static/attribution/credit.mjs of this server

const API = process.env.SUMERU_API ?? 'https://api.sumeru.systems';
const headers = { Authorization: `Bearer ${process.env.ATLANTIS_API_KEY}` };
const weigh = company([
  ['channel', 'email', 1200],
  ['channel', 'paid_search', 900],
  ['channel', 'direct', 0],
]);
const DIGITS = { JPY: 0, KRW: 0, KWD: 3, BHD: 3 };

async function* attributions() {
  for (let cursor = ''; ; ) {
    const answer = await fetch(`${API}/api/v1/attribution?limit=100${cursor && `&cursor=${encodeURIComponent(cursor)}`}`, { headers });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
    const { data, pagination } = await answer.json();
    yield* data;
    cursor = pagination.next_cursor ?? '';
    if (!cursor) return;
  }
}

const earned = {};
const add = (channel, currency, cents) => (earned[`${channel} ${currency}`] = (earned[`${channel} ${currency}`] ?? 0n) + cents);
const seen = new Set();
for await (const { order_id, revenue, currency, touchpoints } of attributions()) {
  if (seen.has(order_id) || !touchpoints.length) continue; // another model of the same order, or nobody to credit
  seen.add(order_id);
  const [whole, part = ''] = revenue.split('.');
  const total = BigInt(whole + part.padEnd(DIGITS[currency] ?? 2, '0').slice(0, DIGITS[currency] ?? 2));
  const touches = touchpoints.map(({ channel, occurred_at }, id) => ({ id, channel, at_ms: Date.parse(occurred_at) }));
  const order = { at_ms: Math.max(...touches.map(({ at_ms }) => at_ms)), total };
  const found = credit(order, touches, weigh, { look_back_days: 0 });
  if (!found) add('(unattributed)', currency, total);
  found?.touches.forEach(({ channel }, i) => add(channel, currency, found.credits[i]));
}
for (const name of Object.keys(earned).sort()) console.log(name, `${earned[name]}`);
// end of sample
