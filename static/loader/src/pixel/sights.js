/** What is seen and used: pages, products, widgets, experiments. Facts only, no text of the page. */
import { own } from '../script.js';
import { on, safe } from './listen.js';
import { MARK, dataset, reported, turn } from './place.js';
import { track } from './queue.js';

/** What a widget is, as the loader finds it. */
const SELECTOR = 'sumeru-widget,[data-sumeru-widget]:not(form)';

const exposed = [];
let timer;

/** @param {object} known by their keys, what was tracked before; grows when this is taken */
const once = (known, key, type, properties) => {
  known[key] ||= track(type, properties);
};

/** Which widget, about what. Attributes by an allow-list: others may be about a person. @param {Element} [item] inside it */
const about = (el, item) => {
  const read = (name) => el.getAttribute('data-' + name) || el.getAttribute(name) || undefined;
  return {
    widget: (read('sumeru-widget') || read('type'))?.replace('-', '_'),
    product_id: item?.closest('[data-product-id]')?.dataset.productId || read('product-id'),
    quiz_id: read('quiz-id'),
    experiment: read('experiment'),
    placement: read('placement'),
  };
};

/** Steps of 2 %, because half of a block that is taller than two viewports is never visible at once. */
const sight = new IntersectionObserver(
  safe((entries) =>
    entries.map(({ target, intersectionRatio, intersectionRect: { height } }) => {
      const detail = about(target);
      const key = JSON.stringify(detail);
      // What was hidden when the page was looked at, as in a dialog, has come out.
      if (height && touch(target, 1) && (intersectionRatio >= 0.5 || height >= innerHeight / 3)) {
        // What it was about when it was seen.
        const seen = (target[MARK] ||= []);
        once(seen, key, 'widget_view', detail);
        // To the page alone, so without asking for consent.
        seen[key + 1] ||= target.dispatchEvent(
          new CustomEvent('sumeru:view', { bubbles: true, composed: true, detail: { v: 1, ...detail } }),
        );
      }
    }),
  ),
  { threshold: [...Array(51).keys()].map((i) => i / 50) },
);

/**
 * Whether the page shows this at all, on the screen or further down. What stands in the head shows nothing and is there; so is what a
 * browser without the question cannot tell.
 */
const rendered = (el) => el.closest('head') || el.checkVisibility?.({ visibilityProperty: true }) != 0;

/** A widget that is new, or whose content may be, or that came out of hiding. @param {Element} el the host @param {1} [known] @returns {1|undefined} rendered */
const touch = (el, known) => {
  const { widget, product_id } = about(el);
  const root = el.shadowRoot || el;
  // More than a placeholder: whatever our widgets are made of has parts.
  const content = root.querySelector('[part]');
  if (content && !known) {
    sight.unobserve(el);
    sight.observe(el);
  }
  // Either may have no box of its own (`display: contents`).
  if (!rendered(el) && !(content && rendered(content))) return;
  if (widget == 'reviews') product(product_id);
  // Not only when seen: a variant that shows less would be counted less, and the comparison would be wrong.
  root.querySelectorAll('[data-exposure]').forEach(({ dataset: { exposure } }) => {
    once(exposed, exposure, 'experiment_exposure', JSON.parse(exposure));
  });
  return 1;
};

/** What is known first counts: the page's own word, a widget's (its id is surely one of the shop's), then structured data. */
const product = (product_id, sku) => {
  if (product_id || sku) once(reported, 2, 'product_view', { product_id, sku });
};

/** The page as it is now. */
export const look = safe(() => {
  timer = 0;
  if (document.prerendering === true) return;
  turn();
  once(reported, 1, 'page_view');
  product(dataset.productId);
  own(document, 'querySelectorAll', SELECTOR).forEach(safe((el) => touch(el)));
  own(document, 'querySelectorAll', 'meta[property$=retailer_item_id],script[type*="ld+json"]').forEach(
    safe((el) => {
      // Neither has a box of its own.
      if (!rendered(el.parentElement)) return;
      if (el.content) return product(el.content);
      const data = JSON.parse(el.textContent);
      const [found, more] = [data['@graph'] || data].flat().filter((item) => /Product/.test(item['@type']));
      // With more of them it is a list.
      if (!more) product(found.productID, found.sku);
    }),
  );
});

/** The page changed: half a second later, however often. */
const later = () => {
  timer ||= setTimeout(look, 500);
};

/** Begins to look. */
export const watch = () => {
  new MutationObserver(later).observe(document, { childList: true, subtree: true });
  on('sumeru:ready', (event) => touch(event.composedPath()[0]));
  // The key may hold parameters about a person.
  on('sumeru:add-to-cart', ({ detail: { v, type, key, ...rest } }) => track('add_to_cart', { widget: type, ...rest }));
  on('click', (event) => {
    // A click may change the address and nothing else; so may going back.
    later();
    const path = event.composedPath();
    const host = path.find((node) => own(node, 'matches', SELECTOR));
    const link = path[0].closest('a,button');
    if (host && link)
      track('widget_click', {
        ...about(host, link),
        part: link.closest('[part]')?.part.value,
        action: Object.keys(link.dataset)[0],
      });
  });
  on('popstate', later);
  look();
};
