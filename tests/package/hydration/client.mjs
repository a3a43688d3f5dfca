import { StrictMode, createElement as h } from 'react';
import { hydrateRoot } from 'react-dom/client';
import { App } from './app.mjs';

window.heard = [];
window.recovered = [];
const result = JSON.parse(document.getElementById('result').textContent);
window.root = hydrateRoot(
  document.getElementById('root'),
  h(StrictMode, null, h(App, { result, heard: (renders) => window.heard.push(renders) })),
  { onRecoverableError: (error) => window.recovered.push(String(error)) },
);
