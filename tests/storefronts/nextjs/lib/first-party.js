// sample: nextjs-first-party
// lib/first-party.js; in proxy.js: const own = firstParty(request); if (own) return own;
import { NextResponse } from 'next/server';

/** Paths of the widget server that browsers need; everything else stays out of reach. */
const SERVED = /^\/sumeru(\/(?:embed\/(?:v1|pixel|share|debug|[0-9a-f]{16}\/\w+)\.js|static\/(?:page|icon)[\w.]*|w\/v1\/(\w+)\/[\w.]+))$/;

/** The widgets under the storefront's own address. Nothing for any other path. */
export function firstParty(request) {
  const { pathname, search } = request.nextUrl;
  if (!pathname.startsWith('/sumeru/')) return undefined;
  const [, path, shop] = SERVED.exec(pathname) ?? [];
  if (!path || (shop && shop !== process.env.WIDGETS_SHOP)) return new NextResponse(null, { status: 404 });
  const headers = new Headers(request.headers);
  headers.delete('Cookie');
  return NextResponse.rewrite(new URL(path + search, process.env.WIDGETS_URL), { request: { headers } });
}
// end of sample
