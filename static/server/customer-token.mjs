/**
 * Customer tokens for the storefront's own server (Node 18 or later, no dependencies). Never ship the secret to a browser.
 *
 *     import { mintCustomerToken } from './customer-token.mjs';
 *     const token = mintCustomerToken({ secret: process.env.SUMERU_CUSTOMER_SECRET, shopKey: 'shp_…', customerId: 'cus_…' });
 *     // <sumeru-widget type="referral" customer-token="…">, or the header `Authorization: Bearer …`
 *
 * Make one only for a shopper who is signed in, and for the page that is being answered: a token lives an hour at most.
 */
import { createHmac } from 'node:crypto';

/** Seconds; longer-lived tokens are refused. */
export const LONGEST_S = 3600;
const SECRET_LEAST_CHARS = 32;

/**
 * @param {object} of
 * @param {string} of.secret The shop's customer secret, as set in the admin: 32 characters or more.
 * @param {string} of.shopKey The public key in the embed code (`data-shop`).
 * @param {string} of.customerId Sumeru's id of the signed-in customer.
 * @param {number} [of.now] Unix seconds; the clock's unless given.
 * @param {number} [of.lifetimeS] Seconds, 1 to 3,600; 900 unless given.
 * @returns {string} `sct_…`; the same for the same values
 * @throws {RangeError} for values that could not make a valid token
 */
export function mintCustomerToken({ secret, shopKey, customerId, now = Date.now() / 1000, lifetimeS = 900 }) {
  if (typeof secret !== 'string' || [...secret].length < SECRET_LEAST_CHARS) {
    throw new RangeError(`secret must have at least ${SECRET_LEAST_CHARS} characters`);
  }
  if (!Number.isInteger(lifetimeS) || lifetimeS < 1 || lifetimeS > LONGEST_S) {
    throw new RangeError(`lifetimeS must be 1 to ${LONGEST_S}`);
  }
  if (!/^[A-Za-z0-9_-]{1,40}$/.test(shopKey)) throw new RangeError('shopKey is not a shop key');
  // Visible ASCII without a comma, so that JSON is the same bytes in every language.
  if (typeof customerId !== 'string' || !/^[\x21-\x2b\x2d-\x7e]{1,190}$/.test(customerId)) {
    throw new RangeError('customerId must be 1 to 190 visible ASCII characters without a comma');
  }
  const iat = Math.floor(now);
  if (!Number.isSafeInteger(iat)) throw new RangeError('now must be Unix seconds');
  const claims = JSON.stringify({ exp: iat + lifetimeS, iat, shop: shopKey, sub: customerId });
  const signed = `sct_${Buffer.from(claims).toString('base64url')}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
