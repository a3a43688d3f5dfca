// The plain Node comparator: a file's bytes from memory. Arguments: file, port.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

const body = readFileSync(process.argv[2])
const headers = { 'Content-Type': 'text/html; charset=utf-8', 'Content-Length': body.length }
createServer((_request, response) => response.writeHead(200, headers).end(body)).listen(Number(process.argv[3]), '127.0.0.1')
