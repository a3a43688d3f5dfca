// sample: receiver-javascript
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const key = Buffer.from(process.env.ORDERS_SECRET.replace('whsec_', ''), 'base64');
const seen = new Set(); // in production: ids in a database

const server = createServer(async (request, response) => {
  const raw = Buffer.concat(await request.toArray());
  const { 'webhook-id': id, 'webhook-timestamp': at, 'webhook-signature': sent = '' } = request.headers;
  const good = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${at}.`).update(raw).digest('base64')}`);
  const signatures = sent.split(' ').map((each) => Buffer.from(each)); // two while the secret is changed
  const fits = signatures.some((each) => each.length === good.length && timingSafeEqual(each, good));
  const status = fits && Math.abs(Date.now() / 1000 - at) < 300 ? 204 : 401;
  if (status === 204 && !seen.has(id) && JSON.parse(raw).type === 'order.changed') {
    console.log(JSON.stringify(JSON.parse(raw).data)); // the whole order: yours goes here
    seen.add(id);
  }
  response.writeHead(status).end();
});
// end of sample
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
