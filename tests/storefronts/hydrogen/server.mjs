/** The storefront on Node. On Oxygen, all but the listening stands in `server.js` of Hydrogen's skeleton. */
import { createRequestHandler } from '@react-router/express';
import express from 'express';
import * as build from './dist/server/index.js';
import { createContext } from './server/context.mjs';

const app = express();
app.disable('x-powered-by');
app.use('/assets', express.static('dist/client/assets', { immutable: true, maxAge: '1y' }));
app.use(express.static('dist/client', { maxAge: '1h' }));
app.use(createRequestHandler({ build, mode: 'production', getLoadContext: (request) => createContext(request, process.env) }));
app.listen(Number(process.env.PORT ?? 3000), process.env.HOST ?? '127.0.0.1');
