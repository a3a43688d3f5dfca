/**
 * The shapes the overlay's modules share. No code: this file exists for editors and readers.
 *
 * @typedef {object} Loader              A loader's script element. `root` is what stands before `embed/`; `hash` is empty for v1.js.
 * @property {HTMLScriptElement} el
 * @property {string} src
 * @property {string} root
 * @property {string} hash
 * @property {string} shop
 * @property {string} base               The API base, ending in a slash.
 *
 * @typedef {{name: string, key: string, error?: {code?: string, message?: string}}} Told   The last event of a host.
 *
 * @typedef {object} Probed              What the server says about a widget now.
 * @property {number} [status]           Without one the browser gave no answer to read.
 * @property {object} [body]             The JSON.
 * @property {boolean} [reachable]       Without a status: whether the server answers at all.
 *
 * @typedef {object} Widget
 * @property {Element} el
 * @property {string} type               Empty when the element says none.
 * @property {string} key                As in the loader's requests; empty without a type or a loader.
 * @property {string} base
 * @property {string} shop
 * @property {string} state
 * @property {string} time               When its content came, for people.
 * @property {string[]} pictures         Addresses of pictures and videos in it.
 * @property {string[]} strangers        Attributes that no widget has.
 * @property {boolean} unstyled          The page refused the styles of its server HTML.
 * @property {Probed|null} [answer]
 *
 * @typedef {{directive: string, url: string, policy: string, sample: string}} Refusal   `directive` is `coep` for that policy.
 *
 * @typedef {{code: string, severity: string, text: string, fix: string}} Finding
 */
export {};
