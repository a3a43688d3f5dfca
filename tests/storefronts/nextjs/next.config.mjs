import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));

export default {
  reactStrictMode: true,
  poweredByHeader: false,
  outputFileTracingRoot: root,
  turbopack: { root },
  // Browsers ask for it when the page's own icon, which is streamed, comes late.
  rewrites: async () => [{ source: '/favicon.ico', destination: '/icon.svg' }],
};
