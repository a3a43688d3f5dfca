/**
 * The shapes the modules share. No code: this file exists for editors and readers.
 *
 * @typedef {object} Event              One event, as `events` takes it.
 * @property {string} id                The same id counts once, however often it is sent.
 * @property {string} type              `page_view`, `product_view`, `widget_view`, `widget_click`, `experiment_exposure`,
 *                                      `add_to_cart`, or a kind of the page's own.
 * @property {string} occurred_at       ISO 8601.
 * @property {string} url               The page; empty when the server would not take its address.
 * @property {string} referrer          The page before it.
 * @property {'granted'} consent        Nothing else is ever sent.
 * @property {object} properties
 *
 * @typedef {Event & {visitor_id: string, session_id: string}} Sent   The ids are added when it leaves.
 */
export {};
