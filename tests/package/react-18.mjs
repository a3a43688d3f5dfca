/** `node --import ./react-18.mjs`: `react` and `react-dom` are version 18, for modules of either kind. */
import Module, { register } from 'node:module';

const REACT = /^react(-dom)?(?=\/|$)/;
register(
  'data:text/javascript,' +
    encodeURIComponent(`export const resolve = (name, context, next) => next(name.replace(${REACT}, '$&-18'), context);`),
  import.meta.url,
);
const resolve = Module._resolveFilename;
Module._resolveFilename = (name, ...rest) => resolve(name.replace(REACT, '$&-18'), ...rest);
