// sample: hydrogen-csp
// app/lib/policy.js
import { cspSources } from 'sumeru-widgets/csp';

/**
 * What Hydrogen's policy must know of the widgets: where the loader asks. Nothing at all behind the storefront's own `/sumeru/`.
 *
 * Pictures on Shopify's CDN need nothing either; others are named in PHOTOS_URL, together with what `img-src` then no longer
 * inherits from Hydrogen's `default-src`.
 */
export function directives({ env, widgets }) {
  const { connectSrc, imgSrc } = cspSources({ url: widgets.url, photos: env.PHOTOS_URL ? [env.PHOTOS_URL] : [] });
  return {
    ...(env.WIDGETS_FIRST_PARTY ? {} : { connectSrc }),
    ...(imgSrc.length ? { imgSrc: ["'self'", 'https://cdn.shopify.com', ...imgSrc] } : {}),
  };
}
// end of sample
