// sample: orders-javascript-begin
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

const { ATLANTIS_API_KEY, SUMERU_HOST, SUMERU_WEBHOOK_SECRET, FOLDER, PORT } = process.env
for (const name of ['events', 'booked']) mkdirSync(`${FOLDER}/${name}`, { recursive: true })
const fileOf = (kind, id) => `${FOLDER}/${kind}/${encodeURIComponent(id)}.json`

async function call(method, path, { body, key } = {}) {
  for (let attempt = 0; attempt < 5; attempt++) {
    let pause = 2 ** attempt
    try {
      const answer = await fetch(SUMERU_HOST + path, {
        method,
        headers: { authorization: `Bearer ${ATLANTIS_API_KEY}`, 'content-type': 'application/json', ...(key && { 'idempotency-key': key }) },
        body: body && JSON.stringify(body),
        redirect: 'manual',
        signal: AbortSignal.timeout(20_000),
      })
      if (answer.status !== 429 && answer.status < 500) return answer
      if (answer.status === 429) pause = Number(answer.headers.get('retry-after') ?? 5)
    } catch { /* no answer */ }
    await wait((pause + Math.random()) * 1000)
  }
  throw Object.assign(new Error('Sumeru is away'), { away: true })
}
// end of sample

// sample: orders-javascript-subscribe
async function subscribe(url) {
  const body = { url, events: ['order.created', 'order.attributed'], secret: 'auto' }
  const answer = await call('POST', '/api/v1/webhook-subscriptions', { body, key: `orders-${url}` })
  if (!answer.ok) throw new Error(`Sumeru answers ${answer.status}`)
  console.log((await answer.json()).data.secret) // shown this once: keep it as SUMERU_WEBHOOK_SECRET
}
// end of sample

// sample: orders-javascript-receive
async function take(request) {
  const parts = []
  for await (const part of request) parts.push(part)
  const raw = Buffer.concat(parts)
  const proof = Buffer.from(`sha256=${createHmac('sha256', SUMERU_WEBHOOK_SECRET).update(raw).digest('hex')}`)
  const sent = Buffer.from(request.headers['x-sumeru-signature'] ?? '')
  if (sent.length !== proof.length || !timingSafeEqual(sent, proof)) return 401 // over the raw bytes, before anything is parsed
  let event
  try {
    event = JSON.parse(raw)
    if (typeof event.id !== 'string' || typeof event.data !== 'object') return 400
  } catch {
    return 400
  }
  try {
    // The event's id is the file's name: repeated, it is there already.
    writeFileSync(fileOf('events', event.id), JSON.stringify(event.data?.order_id ?? null), { flag: 'wx', flush: true })
  } catch (error) {
    if (error.code !== 'EEXIST') return 500 // Sumeru sends it again
  }
  return 200
}
// end of sample

// sample: orders-javascript-write
/** Brings your system to what the order is now. True when something had to be written. */
function book(order) {
  const content = [order.total_price, order.currency, order.cancelled_at ?? null]
  for (const line of order.line_items) content.push([line.id, line.sku, line.quantity, line.price])
  for (const refund of order.refunds ?? []) content.push([refund.id, refund.amount])
  const fingerprint = createHash('sha256').update(JSON.stringify(content)).digest('hex')
  const file = fileOf('booked', order.id)
  try {
    if (JSON.parse(readFileSync(file)).fingerprint === fingerprint) return false
  } catch { /* it was never written */ }
  // Here your ERP is called. Give it the order's id as a unique key: after a crash the same order is written again.
  writeFileSync(`${file}.new`, JSON.stringify({ fingerprint, total: order.total_price, currency: order.currency }))
  renameSync(`${file}.new`, file)
  return true
}

async function work() {
  for (;;) {
    const files = readdirSync(`${FOLDER}/events`)
    for (const file of files) {
      const orderId = JSON.parse(readFileSync(`${FOLDER}/events/${file}`) || 'null')
      if (orderId) {
        let answer
        try {
          answer = await call('GET', `/api/v1/orders/${encodeURIComponent(orderId)}?include=attributions`)
        } catch (error) {
          if (error.away) break // the events stay, and are tried again
          throw error
        }
        const found = await answer.json()
        if (answer.ok) book(found.data) // an event is a hint: this is what is true now
        else if (found.error?.code !== 'not_found') throw new Error(`Sumeru answers ${answer.status}`)
      }
      unlinkSync(`${FOLDER}/events/${file}`)
    }
    if (!files.length && process.argv[3] === '--once') return // left out of the sample
    await wait(1000)
  }
}
// end of sample

// sample: orders-javascript-compare
async function compare(hours = 48) {
  const since = new Date(Date.now() - hours * 3_600_000)
  let [seen, repaired, cursor] = [0, 0, '']
  walk: do {
    const answer = await call('GET', `/api/v1/orders?limit=100&sort=-updated_at&include=attributions${cursor && `&cursor=${encodeURIComponent(cursor)}`}`)
    if (!answer.ok) throw new Error(`Sumeru answers ${answer.status}`)
    const page = await answer.json()
    for (const order of page.data) {
      if (new Date(order.updated_at) < since) break walk
      seen++
      if (book(order)) repaired++
    }
    cursor = page.pagination.has_next ? page.pagination.next_cursor : ''
  } while (cursor)
  console.log(`${seen} orders, ${repaired} repaired`)
}
// end of sample

// sample: orders-javascript-end
const [, , errand, address] = process.argv
if (errand === 'subscribe') await subscribe(address)
else if (errand === 'receive') {
  const server = createServer(async (request, response) => response.writeHead(await take(request)).end())
  server.listen(PORT, '127.0.0.1', () => console.log(server.address().port))
} else if (errand === 'work') await work()
else if (errand === 'compare') await compare()
// end of sample
