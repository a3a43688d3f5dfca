// sample: attribution-credited-js
// A receiver of attribution.credited: node credited.mjs; the secret is the one that the admin showed.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const key = Buffer.from(process.env.CREDITED_SECRET.replace('whsec_', ''), 'base64');
const seen = new Set(); // in a database of yours: the same id comes again after a lost answer

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks);
  const { 'webhook-id': id, 'webhook-timestamp': sentAt, 'webhook-signature': signatures = '' } = request.headers;
  const own = Buffer.from(`v1,${createHmac('sha256', key).update(`${id}.${sentAt}.`).update(body).digest('base64')}`);
  const good = signatures.split(' ').some((each) => each.length === own.length && timingSafeEqual(Buffer.from(each), own));
  if (!good || !(Math.abs(Date.now() / 1000 - sentAt) <= 300)) return response.writeHead(401).end();
  const { type, data } = JSON.parse(body);
  if (type === 'attribution.credited' && !seen.has(id)) {
    seen.add(id);
    for (const order of data.orders) console.log(order.id, order.revenue.net, order.currency);
  }
  response.writeHead(204).end();
});
server.listen(process.env.PORT ?? 8080, '127.0.0.1', () => {
  console.log(server.address().port); // left out of the sample
});
// end of sample
