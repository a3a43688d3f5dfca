/** Seconds; longer-lived tokens are refused. */
export const LONGEST_S: 3600;

/**
 * A token that proves to the widget server who the shopper is. For a signed-in shopper, for the page being answered.
 *
 * @throws {RangeError} for values that could not make a valid token
 */
export function mintCustomerToken(of: {
  /** The shop's customer secret, 32 characters or more. Never in a browser. */
  secret: string;
  /** The public key in the embed code. */
  shopKey: string;
  /** Sumeru's id of the customer. */
  customerId: string;
  /** Unix seconds; the clock's unless given. */
  now?: number;
  /** 1 to 3,600; 900 unless given. */
  lifetimeS?: number;
}): string;
