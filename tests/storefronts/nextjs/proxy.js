import { firstParty } from './lib/first-party';
// sample: nextjs-csp
// proxy.js
import { NextResponse } from 'next/server';
import { cspSources } from 'sumeru-widgets/csp';

/** A nonce per request and a policy without hosts for scripts; the widgets add `connect-src`, and `img-src` for their pictures. */
export function proxy(request) {
  // end of sample
  const own = firstParty(request);
  if (own) return own;
  // sample: nextjs-csp
  const nonce = Buffer.from(crypto.randomUUID()).toString('base64');
  const widgets = cspSources({ url: process.env.WIDGETS_URL, photos: process.env.PHOTOS_URL?.split(' ') });
  const policy = [
    "default-src 'self'",
    `script-src 'nonce-${nonce}' 'strict-dynamic'`,
    `style-src 'self' 'nonce-${nonce}'`,
    `connect-src 'self' ${widgets.connectSrc.join(' ')}`,
    `img-src 'self' ${widgets.imgSrc.join(' ')}`,
    `form-action 'self' ${widgets.formAction.join(' ')}`,
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types nextjs nextjs#bundler ${widgets.trustedTypes.join(' ')}`,
  ].join('; ');
  const headers = new Headers(request.headers);
  headers.set('x-nonce', nonce);
  headers.set('Content-Security-Policy', policy);
  const response = NextResponse.next({ request: { headers } });
  response.headers.set('Content-Security-Policy', policy);
  return response;
}

export const config = {
  matcher: [
    {
      source: '/((?!_next/static|_next/image|favicon.ico).*)',
      missing: [
        { type: 'header', key: 'next-router-prefetch' },
        { type: 'header', key: 'purpose', value: 'prefetch' },
      ],
    },
  ],
};
// end of sample
