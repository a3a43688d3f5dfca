/**
 * Credit for an order's touches, to the last minor unit: the same rules and the same cents as the server's Python.
 *
 * No dependency; runs in Node, Deno, Bun and browsers. Whole numbers are BigInt, so no amount is too large and nothing is rounded.
 * A touch is `{at_ms, id, channel, campaign, device, landing}`, a conversion `{at_ms, total, refunded, customer, kind}`; times are
 * milliseconds since 1970, amounts minor units (cents) as BigInt, number or text.
 */

const DAY_MS = 86_400_000n;
const DIRECT = new Set(['direct', '(direct)', 'none', '(none)']);

const sum = (values) => values.reduce((total, value) => total + value, 0n);

/** There is money and nobody who may have it. */
export class NoWeight extends RangeError {}

/**
 * Largest remainder: the shares' sum is the total, each is within one unit of its exact value, zero weight gets zero, and of equal
 * remainders the earlier one is served first. Negative totals are the mirror of positive ones.
 */
export function divide(total, weights) {
  total = BigInt(total);
  weights = weights.map(BigInt);
  if (weights.some((weight) => weight < 0n)) throw new RangeError('a weight is negative');
  if (total < 0n) return divide(-total, weights).map((share) => -share);
  const whole = sum(weights);
  if (whole === 0n) {
    if (total !== 0n) throw new NoWeight('no weight above zero');
    return weights.map(() => 0n);
  }
  const shares = weights.map((weight) => (total * weight) / whole);
  const remainders = weights.map((weight) => (total * weight) % whole);
  const order = [...weights.keys()].sort(
    (a, b) => (remainders[a] < remainders[b]) - (remainders[a] > remainders[b]) || a - b,
  );
  for (const index of order.slice(0, Number(total - sum(shares)))) shares[index] += 1n;
  return shares;
}

/** How a refund is taken from the credited touches: in proportion to the credits, so none gives back more than it got. */
export function takeBack(refunded, credits, weights) {
  const proportional = sum(credits) > 0n && credits.every((credit) => credit >= 0n);
  return divide(refunded, proportional ? credits : weights);
}

const isDirect = (channel) => DIRECT.has(channel.toLowerCase());
const byTime = (a, b) => a.at_ms - b.at_ms || a.id - b.id;

/**
 * The touches that count, in order of time. Options: `look_back_days` (90; 0: no limit), `direct` (`count`, `fallback`: only when the
 * journey has nothing else, `never`), `prefer_campaigns`.
 */
export function journey(conversion, touches, { look_back_days = 90, direct = 'count', prefer_campaigns = false } = {}) {
  const oldest = look_back_days ? conversion.at_ms - look_back_days * Number(DAY_MS) : -Infinity;
  let counted = touches.filter(({ at_ms }) => at_ms <= conversion.at_ms && at_ms >= oldest).sort(byTime);
  if (direct !== 'count') {
    const known = counted.filter(({ channel }) => !isDirect(channel));
    if (known.length || direct === 'never') counted = known;
  }
  const campaigns = prefer_campaigns ? counted.filter(({ campaign }) => campaign) : [];
  return campaigns.length ? campaigns : counted;
}

const only = (count, index) => Array.from({ length: count }, (_, i) => (i === index ? 1n : 0n));

export const last = (_conversion, touches) => only(touches.length, touches.length - 1);
export const first = (_conversion, touches) => only(touches.length, 0);
export const linear = (_conversion, touches) => touches.map(() => 1n);

export function lastNonDirect(_conversion, touches) {
  const index = touches.findLastIndex(({ channel }) => !isDirect(channel));
  return only(touches.length, index < 0 ? touches.length - 1 : index);
}

// 2 ** (32 - 2 ** -i) for i = 1 … 16, rounded.
const HALVINGS = [
  3_037_000_500n, 3_611_622_603n, 3_938_502_376n, 4_112_874_773n, 4_202_935_003n, 4_248_701_965n,
  4_271_771_996n, 4_283_353_945n, 4_289_156_690n, 4_292_061_010n, 4_293_513_907n, 4_294_240_540n,
  4_294_603_903n, 4_294_785_595n, 4_294_876_445n, 4_294_921_870n,
];
const power = (step) =>
  HALVINGS.reduce((value, constant, i) => (step >> BigInt(15 - i) & 1n ? (value * constant) >> 32n : value), 1n << 32n);

function decay(ageMs, halfLifeMs) {
  const halvings = ageMs / halfLifeMs;
  if (halvings > 20n) return 1n;
  const step = ((ageMs % halfLifeMs) << 16n) / halfLifeMs;
  const weight = (1_000_000n * power(step & 0xff00n) * power(step & 0xffn)) >> (64n + halvings);
  return weight || 1n;
}

/** `2 ** -(age / half-life)` in millionths, at least 1. */
export const timeDecay = (halfLifeDays = 7) => (conversion, touches) =>
  touches.map(({ at_ms }) => decay(BigInt(conversion.at_ms - at_ms), BigInt(halfLifeDays) * DAY_MS));

/** Parts for the first touch, for all between together, and for the last; two touches share as first to last. */
export const position = (firstPart = 40, middlePart = 20, lastPart = 40) => {
  const [f, m, l] = [firstPart, middlePart, lastPart].map(BigInt);
  return (_conversion, touches) => {
    const between = BigInt(touches.length - 2);
    if (between < 0n) return [1n];
    if (between === 0n) return f + l ? [f, l] : [1n, 1n];
    return [f * between, ...touches.slice(1, -1).map(() => m), l * between];
  };
};

const gcd = (a, b) => (b ? gcd(b, a % b) : a);

/** Each order shared equally by the distinct channels of its journey, and a channel's part by its touches. */
export function shapleyEqual(_conversion, touches) {
  const counts = new Map();
  for (const { channel } of touches) counts.set(channel, (counts.get(channel) ?? 0n) + 1n);
  const multiple = [...counts.values()].reduce((a, b) => (a / gcd(a, b)) * b, 1n);
  return touches.map(({ channel }) => multiple / counts.get(channel));
}

/** Each touch weighs its channel's effect (millionths) as the server computed it from the data. */
export const byEffects = (effects) => (_conversion, touches) =>
  touches.map(({ channel }) => BigInt(Object.hasOwn(effects, channel) ? effects[channel] : 0));

const DIMENSIONS = ['channel', 'campaign', 'position', 'age', 'device', 'customer', 'landing'];
const place = (index, count) => (count === 1 ? 'only' : index === 0 ? 'first' : index === count - 1 ? 'last' : 'middle');

/**
 * The company's own weights: `rules` are `[dimension, value, thousandths]`; the weight is the product of the factors over the
 * dimensions that have a rule. `*` is the factor of every value without a rule of its own, else 1000; the campaign or device `(none)`
 * is that of touches without one.
 */
export function company(rules) {
  const table = new Map(DIMENSIONS.map((dimension) => [dimension, new Map()]));
  for (const [dimension, value, thousandths] of rules) table.get(dimension).set(value, BigInt(thousandths));
  const used = DIMENSIONS.filter((dimension) => table.get(dimension).size);
  const prefixes = [...table.get('landing').keys()].filter((value) => value !== '*');
  prefixes.sort((a, b) => [...b].length - [...a].length);
  const inRange = (days, value) => {
    const [start, end] = value.split('-');
    return BigInt(start) <= days && (end === '' || days < BigInt(end));
  };
  const value = {
    channel: (_c, touch) => touch.channel,
    campaign: (_c, touch) => touch.campaign || '(none)',
    position: (_c, _touch, index, count) => place(index, count),
    age: ({ at_ms }, touch) => {
      const days = BigInt(at_ms - touch.at_ms) / DAY_MS;
      return [...table.get('age').keys()].find((each) => each !== '*' && inRange(days, each));
    },
    device: (_c, touch) => touch.device || '(none)',
    customer: ({ customer }) => customer,
    landing: (_c, touch) => prefixes.find((prefix) => touch.landing.startsWith(prefix)),
  };
  return (conversion, touches) =>
    touches.map((touch, index) =>
      used.reduce((weight, dimension) => {
        const numbers = table.get(dimension);
        const found = value[dimension](conversion, touch, index, touches.length);
        return weight * (numbers.get(found) ?? numbers.get('*') ?? 1000n);
      }, used.length ? 1n : 1000n),
    );
}

/** One order: its counted touches, their weights, credits and what a refund takes back; null when nothing may be credited. */
export function credit(conversion, touches, weigh, options = {}) {
  const counted = journey(conversion, touches, options);
  if (!counted.length) return null;
  const weights = weigh(conversion, counted);
  if (sum(weights) === 0n) return null;
  const credits = divide(conversion.total, weights);
  return { touches: counted, weights, credits, refunds: takeBack(conversion.refunded ?? 0, credits, weights) };
}
