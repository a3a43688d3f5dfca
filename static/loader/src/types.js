/**
 * The shapes the modules share. No code: this file exists for editors and readers.
 *
 * @typedef {object} Item                One widget in an answer of `batch`, `live` or a submission.
 * @property {'ready'|'empty'|'pending'|'error'|'live'|'alone'} state
 * @property {string} [html]             What goes into the shadow root.
 * @property {string} [css]              Styles of every widget in the same answer.
 * @property {number} [retry_after_s]    Seconds to wait while `state` is `pending`.
 * @property {Problem} [error]
 *
 * @typedef {{code: string, message?: string}} Problem
 *
 * @typedef {object} Answer              What `batch` and `live` say: `items` in the order asked, or `error` alone.
 * @property {(Item|null)[]} [items]
 * @property {string} [css]
 * @property {Problem} [error]
 *
 * @typedef {'batch'|'live'} Path        Public content, or one visitor's own, which no cache keeps.
 */
export {};
