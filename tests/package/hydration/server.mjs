/** Prints the page's HTML; the result comes by the environment. */
import { StrictMode, createElement as h } from 'react';
import { renderToString } from 'react-dom/server';
import { App } from './app.mjs';

process.stdout.write(renderToString(h(StrictMode, null, h(App, { result: JSON.parse(process.env.RESULT) }))));
