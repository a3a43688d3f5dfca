/** The entry: the page's `sumeru.track` and `sumeru.consent`, and when to begin. */
import { agreed, decide } from './consent.js';
import { VISITOR, forget } from './ids.js';
import { on, safe } from './listen.js';
import { earlier, own } from '../script.js';
import { base, dataset, reported } from './place.js';
import { drop, flush, track } from './queue.js';
import { look, watch } from './sights.js';

if (!earlier) self.sumeru = {};

// A second pixel on the page leaves everything to the first.
if (!base) console.error('Sumeru: no data-shop');
else if (!sumeru.pixel) {
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

  /** The loader, when it comes later, makes an object of its own. */
  const merge = () => Object.assign(sumeru, { pixel: 1, track, consent });

  /** Asks whoever may have come in the meantime. */
  const ask = safe(() => {
    // Not allowed may also mean: not decided yet.
    if (agreed == null && Object.hasOwn(self, 'Shopify') && Shopify.customerPrivacy?.analyticsProcessingAllowed()) consent('granted');
    // When all is there and no loader, whoever waits in the queue waits for the pixel alone.
    if (own(document, 'readyState') == 'complete' && !sumeru.v) {
      const q = (sumeru.q ||= []);
      q.push = (use) => setTimeout(use, 0, sumeru);
      q.splice(0).map(q.push);
    }
  });

  merge();
  on('sumeru:loaded', merge);
  if (dataset.consent || navigator.globalPrivacyControl) consent(dataset.consent);
  ask();
  on('load', ask);
  on('shopifyCustomerPrivacyApiLoaded', ask);
  on('visitorConsentCollected', ({ detail }) => consent(detail.analyticsAllowed && 'granted'));
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
