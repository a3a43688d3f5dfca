import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(fileURLToPath(import.meta.url));

export default { reactStrictMode: true, poweredByHeader: false, outputFileTracingRoot: root, turbopack: { root } };
