import { reactRouter } from '@react-router/dev/vite';
import { hydrogen } from '@shopify/hydrogen/vite';
import { defineConfig } from 'vite';

export default defineConfig({
  plugins: [hydrogen(), reactRouter()],
  // Hydrogen's Content-Security-Policy has no `data:`.
  build: { assetsInlineLimit: 0 },
});
