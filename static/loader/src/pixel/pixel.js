/** The entry: the page's `sumeru.track` and `sumeru.consent`, and when to begin. */
import { agreed, decide } from './consent.js';
import { VISITOR, forget, ids } from './ids.js';
import { on, safe } from './listen.js';
import { earlier, own } from '../script.js';
import { base, customer, dataset, reported } from './place.js';
import { drop, flush, track } from './queue.js';
import { look, watch } from './sights.js';

if (!earlier) self.sumeru = {};

// A second pixel on the page leaves everything to the first.
if (!base) throw Error('no data-shop');
if (!sumeru.pixel) {
  /** @param {'granted'|'denied'} word */
  const consent = safe((word) => {
    decide(word);
    // Also brings what was not kept while the answer was no.
    look();
    flush();
    if (!agreed) {
      drop();
      reported.length = 0;
      forget();
    }
  });

  /** @param {string} token a customer token, made by the storefront's own server */
  const identify = (token) => {
    customer.customer_token = token;
  };

  /** The loader, when it comes later, makes an object of its own. */
  const merge = () => Object.assign(sumeru, { pixel: 1, track, consent, identify });

  /** Asks whoever may have come in the meantime. */
  const ask = safe(() => {
    // When all is there and no loader, whoever waits in the queue waits for the pixel alone.
    if (own(document, 'readyState') == 'complete' && !sumeru.v) {
      const q = (sumeru.q ||= []);
      q.push = (use) => setTimeout(use, 0, sumeru);
      q.splice(0).map(q.push);
    }
    // Not allowed may also mean: not decided yet. Last, because an element of that name cannot be called.
    if (agreed == null && self.Shopify?.customerPrivacy?.analyticsProcessingAllowed()) consent('granted');
  });

  merge();
  on('sumeru:loaded', merge);
  if (dataset.consent || navigator.globalPrivacyControl) consent(dataset.consent);
  ask();
  on('load', ask);
  on('shopifyCustomerPrivacyApiLoaded', ask);
  on('visitorConsentCollected', ({ detail }) => consent(detail.analyticsAllowed && 'granted'));
  // A form that is sent says whose visits these were.
  on('sumeru:before-submit', ({ detail }) => agreed && detail.formData.set('visitor_id', ids().visitor_id));
  // Another tab forgot the visitor.
  on('storage', ({ key, newValue }) => key == VISITOR && !newValue && consent());
  on('visibilitychange', () => {
    look();
    flush(document.hidden === true);
  });
  on('pagehide', flush);
  on('pageshow', ({ persisted }) => {
    if (persisted) reported.length = 0;
    look();
  });
  if (document.prerendering === true) on('prerenderingchange', watch);
  else watch();
  dispatchEvent(new Event('sumeru:pixel'));
}
