import { PassThrough } from 'node:stream';
import { createReadableStreamFromReadable } from '@react-router/node';
import { createContentSecurityPolicy } from '@shopify/hydrogen';
import { isbot } from 'isbot';
import { renderToPipeableStream } from 'react-dom/server';
import { ServerRouter } from 'react-router';
import { directives } from './lib/policy';

/** Milliseconds until what is still deferred is given up. */
const STREAM_LIMIT_MS = 10_000;

export default function handleRequest(request, status, headers, routerContext, context) {
  // sample: hydrogen-csp-entry
  // app/entry.server.jsx; `context` is handleRequest's last argument. With directives of your own: {...directives(context), …}
  const { nonce, header, NonceProvider } = createContentSecurityPolicy(directives(context));
  // end of sample
  return new Promise((resolve, reject) => {
    let started = false;
    const answer = () => {
      started = true;
      const body = new PassThrough();
      headers.set('Content-Type', 'text/html');
      headers.set('Content-Security-Policy', header);
      resolve(new Response(createReadableStreamFromReadable(body), { headers, status }));
      pipe(body);
    };
    const { pipe, abort } = renderToPipeableStream(
      <NonceProvider>
        <ServerRouter context={routerContext} url={request.url} nonce={nonce} />
      </NonceProvider>,
      {
        nonce,
        // Who reads once and runs no scripts gets the whole page.
        [isbot(request.headers.get('user-agent')) ? 'onAllReady' : 'onShellReady']: answer,
        onShellError: reject,
        onError(error) {
          status = 500;
          if (started) console.error(error);
        },
      },
    );
    setTimeout(abort, STREAM_LIMIT_MS).unref();
  });
}
