/** The entry: finds the widgets of the page, now and later, and gives the page its `sumeru`. */
import { SELECTOR, TAG, base, home } from './address.js';
import { earlier, own } from './script.js';
import { fire, update } from './widget.js';

if (!base) console.error('Sumeru: no data-shop');
// A second loader on the page, of whatever version, leaves everything to the first.
else if (!(earlier?.v > 0)) {
  const near = new IntersectionObserver(
    (entries) => entries.map((entry) => entry.isIntersecting && update(entry.target)),
    { rootMargin: '600px' },
  );

  /**
   * A host appeared, moved or changed. Looked at in the next frame, so several changes are one, and a declarative root,
   * which the parser attaches after it connected the element, is there.
   *
   * @param {Element} el
   */
  const touch = (el) => {
    near.unobserve(el);
    near.observe(el);
    // Any attribute: whether other content is asked for is seen by the key.
    changes.observe(el, { attributes: true });
  };

  /** @param {Node} node itself and everything in it */
  const mount = (node) => {
    if (own(node, 'matches', SELECTOR)) touch(node);
    own(node, 'querySelectorAll', SELECTOR)?.forEach(touch);
  };

  const api = (self.sumeru = {
    v: 1,
    mount,
    refresh: (el) => update(el, true),
    // In a task of its own: what the page's function throws is the page's.
    q: { push: (use) => setTimeout(() => use(api)) },
  });

  const changes = new MutationObserver((records) =>
    records.map((record) => (record.attributeName ? [record.target] : record.addedNodes).forEach(mount)),
  );
  changes.observe(document, { childList: true, subtree: true, attributeFilter: ['data-' + TAG] });
  mount(document);
  customElements.define(
    TAG,
    class extends HTMLElement {
      connectedCallback() {
        touch(this);
      }
    },
  );
  addEventListener('pageshow', (event) => {
    // Only what says that it lives: a quiz or a form half filled in is left as it is.
    if (event.persisted) own(document, 'querySelectorAll', '[live]').forEach(api.refresh);
  });
  earlier?.q?.forEach?.(api.q.push);
  fire(document, '', 'loaded');
}
// The overlay of a page whose address asks for it. A policy that lets this script run lets it load its own.
if (location.search.match('sumeru-debug')) import(home + 'embed/debug.js');
