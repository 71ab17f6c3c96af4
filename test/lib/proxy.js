#!/usr/bin/env node
// A DynamoDB endpoint that misbehaves on request: it answers by itself, or stands between a client and a real engine.
//
// usage: proxy.js [URL of the engine]
// Its first line on stdout is {"event":"listening","port":N}. Then it takes one JSON command a line on stdin, each answered
// by {"event":"done"}, and tells what it sees, one JSON event a line on stdout. It ends when stdin does.
//
// Commands
//   {"rules":[…]}       replaces all rules
//   {"release":true}    lets go what is stalled
//   {"close":true}      closes the connections that have no request (FIN); {"reset":true} the same with a RST
//   {"limit":N}         makes the engine read no more than N items for each page of a Query or Scan; 0: as many as it likes
//   {"down":true}       is gone, as an endpoint is while it restarts: cuts every connection and takes no new one; {"up":true} is back
//   {"dialect":NAME}    answers as some that are not DynamoDB itself do, see `dialects`; null: as the engine does
//   {"lag":{…}}         the index lags behind its table from now on, see index_lag.js for what is in it; null: no more
//   {"seed":N}          starts the dice of `chance` anew
//   {"refuse":true}     refuses connections, and closes those that have no request; {"refuse":false} takes them again
//   {"finish":true}     is done only when no request is under way any more, copies and late ones included
// Events
//   {"event":"request","n":,"at":,"connection":,"client":,"operation":,"rule":,"size":,"body":}
//                                                                          a whole request is here; at: ms since the epoch; client: the session
//                                                                          token, if it has one; rule: the name of the one it met; size: of its
//                                                                          body in bytes
//   {"event":"answer","n":,"ms":,"status":,"size":,"scanned":,"counted":}  its answer is known, and about to be sent (for each time that the
//                                                                          engine sees it); ms: since the request; scanned: the items that a
//                                                                          Query or Scan has read for it; counted: what an ADD has come to
//   {"event":"lag","stale":,"kept_back":}                                  a page of the index had so many entries less than the engine's; or it was
//                                                                          an older one
//   {"event":"closed","connection":}                                       a client has closed its connection, or it is broken
//   {"event":"cut","n":}                                                   "down" has cut the connection of this request
//
// For each request the first rule that fits it holds. All members are optional:
//   name                what it is called in events
//   operation, match    fits "PutItem"; fits where this text is in the request, headers included
//   skip, times         fits only after so many fits, and only so often
//   chance, relapse     fits with this probability; with that one where the same request of the same client met a rule the last time
//   clock               the endpoint's own clock is so many ms ahead: its answers have that Date, and a request whose X-Amz-Date is more than
//                       5 minutes off is refused as AWS does (InvalidSignatureException)
//   before              before the engine sees the request: "stall", "close", "reset", or a number of ms
//   late                the engine sees it so many ms later, or when it is let go ("stall"), even if the client is gone by then
//   again               the engine sees it twice, the second time so many ms after its first answer; the client gets the second answer
//   echo                the engine sees it twice likewise; the client gets the first answer
//   answer              {status, headers, body} in place of the engine's; a body that is no text is sent as JSON; %n in it stands for
//                       the request's number
//   headers             of the answer, added or replaced
//   padding             so many blanks go into the body of the answer, before its last byte
//   gzip                the body of the answer is compressed, and x-amz-crc32 is that of the bytes as sent; a fast level for long paddings
//   flip                one bit of this byte of the body is inverted on its way; the last one is -1
//   cut                 only so many bytes of the body are sent, or all but so many where below 0, and Content-Length says so: it looks whole
//   carried_out         the engine sees it all the same
//   after               when the answer is known, but nothing of it is sent: as before
//   bytes, pace         sends only so many bytes of the answer (headers included), or all but so many where below 0; so many ms between two
//                       bytes
//   then                after these bytes: "stall" (the default), "close", "reset"
'use strict'
const http = require('http')
const net = require('net')
const zlib = require('zlib')
const { IndexLag } = require('./index_lag.js')

const engine = process.argv[2] && new URL(process.argv[2])
const agent = new http.Agent({ keepAlive: true })
const connections = new Set()
let rules = []
let stalled = []
let requests = 0
let underWay = 0
let dice = 0
let limit = 0
let dialect = null
let lag = null
const suffered = new Set()

const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')
const tellError = error => tell('error', { message: String(error) })
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

// In [0, 1): mulberry32.
function roll () {
  dice = (dice + 0x6d2b79f5) | 0
  let mixed = Math.imul(dice ^ (dice >>> 15), dice | 1)
  mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
}

function ruleFor (request) {
  const key = `${request.client} ${request.body}`
  const suffers = suffered.delete(key)
  const found = rules.find(rule => {
    if (rule.operation && rule.operation !== request.operation) return false
    if (rule.match && !(request.head + request.body).includes(rule.match)) return false
    if (rule.chance !== undefined && roll() >= (suffers && rule.relapse !== undefined ? rule.relapse : rule.chance)) return false
    rule.fits = (rule.fits || 0) + 1
    return rule.fits > (rule.skip || 0) && rule.fits <= (rule.skip || 0) + (rule.times || Infinity)
  })
  if (found) suffered.add(key)
  return found || {}
}

// Does what a rule says at some point; false when the request ends there.
async function obey (what, socket) {
  if (what === 'stall') await new Promise(resolve => stalled.push(resolve))
  else if (what === 'close') socket.end()
  else if (what === 'reset') socket.resetAndDestroy()
  else if (what) await sleep(what)
  return !socket.destroyed && socket.writable
}

// AWS's answer to a request that was signed at another time than the endpoint's clock shows; null where that fits.
function refusedByClock (request, { clock }) {
  const signed = /^x-amz-date: *(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/mi.exec(request.head).slice(1).map(Number)
  const off = Date.UTC(signed[0], signed[1] - 1, ...signed.slice(2)) - (Date.now() + clock)
  if (Math.abs(off) <= 5 * 60 * 1000) return null
  const message = `Signature ${off < 0 ? 'expired' : 'not yet current'}`
  return { status: 400, headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-requestid': 'CLOCK' }, body: { __type: 'com.amazon.coral.service#InvalidSignatureException', message } }
}

const crcTable = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n >>> 0
})
const crc32 = bytes => (~bytes.reduce((crc, byte) => crcTable[(crc ^ byte) & 255] ^ (crc >>> 8), ~0) >>> 0)

function takeApart (bytes) {
  const end = bytes.indexOf('\r\n\r\n')
  const lines = bytes.subarray(0, end).toString('latin1').split('\r\n').slice(1)
  const headers = Object.fromEntries(lines.map(line => /^([^:]*): *(.*)$/.exec(line).slice(1)).map(([name, value]) => [name.toLowerCase(), value]))
  return { headers, body: bytes.subarray(end + 4) }
}

// The code of an error, taken out of its body; '' where there is none.
function takeCode (body) {
  const code = (body.__type || '').split('#').pop()
  delete body.__type
  return code
}

// What is made of {status, headers, body}, the body as an object.
const dialects = {
  // The error's type is in a header, with an address behind it.
  header: answer => { const code = takeCode(answer.body); if (code) answer.headers['x-amzn-errortype'] = `${code}:http://internal.amazon.com/coral/com.amazonaws.dynamodb/` },
  // Or it is the body's "code".
  code: answer => { const code = takeCode(answer.body); if (code) answer.body.code = code },
  // It has an address behind it where it always is.
  address: answer => { if (answer.body.__type) answer.body.__type += ':http://internal.amazon.com/coral/com.amazonaws.dynamodb/' },
  // A gateway limits the rate, and does not know whom it speaks for.
  rate: answer => { if (/(Throughput|Throttl)/.test(answer.body.__type)) Object.assign(answer, { status: 429, body: { message: 'API rate limit exceeded' } }) },
  // A cancelled transaction does not say why.
  reasons: answer => { delete answer.body.CancellationReasons; delete answer.body.Message },
  // There are no transactions.
  plain: (answer, operation) => { if (operation === 'TransactWriteItems') Object.assign(answer, { status: 400, body: { __type: 'com.amazonaws.dynamodb.v20120810#UnknownOperationException' } }) },
  // As ScyllaDB's Alternator: an index is as its table is, and has all attributes; the last page ends with a key that is empty.
  index: (answer, operation) => {
    for (const index of answer.body.Table?.GlobalSecondaryIndexes || []) { delete index.IndexStatus; delete index.Projection }
    if (['Query', 'Scan'].includes(operation) && answer.status === 200) answer.body.LastEvaluatedKey ||= {}
  }
}

// What is no JSON stays as it is.
function translate ({ status, bytes }, operation) {
  if (!dialect) return { status, bytes }
  const { headers, body } = takeApart(bytes)
  let answer
  try {
    answer = { status, headers, body: JSON.parse(body) }
  } catch {
    return { status, bytes }
  }
  dialects[dialect](answer, operation)
  return encode(answer)
}

// The inverse of takeApart, for a body that is an object.
function encode ({ status, headers, body }) {
  const text = Buffer.from(JSON.stringify(body))
  if (headers['x-amz-crc32']) headers['x-amz-crc32'] = crc32(text)
  return { status, bytes: answerBytes(status, headers, text) }
}

// What happens to a whole answer on its way: headers and body are taken apart and put together again.
function alter ({ status, bytes }, rule) {
  if (!['clock', 'headers', 'padding', 'gzip', 'flip', 'cut'].some(name => name in rule)) return { status, bytes }
  let { headers, body } = takeApart(bytes)
  if ('clock' in rule) headers.date = new Date(Date.now() + rule.clock).toUTCString()
  if (rule.padding) body = Buffer.concat([body.subarray(0, -1), Buffer.alloc(rule.padding, ' '), body.subarray(-1)])
  if (rule.gzip) {
    body = zlib.gzipSync(body, { level: 1 })
    headers['content-encoding'] = 'gzip'
  }
  if (rule.gzip || rule.padding) headers['x-amz-crc32'] = crc32(body)
  if (rule.flip !== undefined) {
    body = Buffer.from(body)
    body[(rule.flip + body.length) % body.length] ^= 4
  }
  if (rule.cut !== undefined) body = body.subarray(0, rule.cut)
  return { status, bytes: answerBytes(status, { ...headers, ...rule.headers }, body) }
}

function answerBytes (status, headers, body) {
  const lines = Object.entries({ ...headers, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] || ''}\r\n${lines.join('')}\r\n`, 'latin1'), body])
}

// An engine closes connections that lay idle, some just as they are used again: that request has not been read, and is forwarded anew.
function forward (request) {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(request.head.split('\r\n').slice(1).map(line => /^([^:]*): *(.*)$/.exec(line).slice(1)))
    let body = Buffer.from(request.body, 'latin1')
    if (limit > 0 && ['Query', 'Scan'].includes(request.operation)) {
      const asked = JSON.parse(body)
      body = Buffer.from(JSON.stringify({ ...asked, Limit: Math.min(asked.Limit || limit, limit) }))
    }
    for (const name of Object.keys(headers)) if (name.toLowerCase() === 'content-length') headers[name] = body.length
    const out = http.request(engine, { method: 'POST', agent, headers }, answer => {
      const chunks = []
      const { connection, 'transfer-encoding': chunked, ...headers } = answer.headers
      answer.on('data', chunk => chunks.push(chunk)).on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode, bytes: answerBytes(answer.statusCode, headers, Buffer.concat(chunks)) }))
    })
    out.on('error', error => out.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code) ? resolve(forward(request)) : reject(error)).end(body)
  })
}

// The engine's answer, or that of an index that lags.
async function forwardLagging (request) {
  if (!lag) return forward(request)
  const ask = async body => {
    const { status, bytes } = await forward({ ...request, body: Buffer.from(JSON.stringify(body)).toString('latin1') })
    const { headers, body: text } = takeApart(bytes)
    return { status, headers, body: JSON.parse(text) }
  }
  return encode(await lag.answer(request.operation, JSON.parse(Buffer.from(request.body, 'latin1')), ask))
}

// Counts what must be over before {"finish":true} is done.
async function finishing (work) {
  underWay++
  try {
    return await work()
  } finally {
    underWay--
  }
}

// A BatchGetItem does not say how many items it has read: each has its key in it.
function itemsOfBatch (text) {
  return text.startsWith('{"Responses"') || text.includes('"UnprocessedKeys"') ? text.split('"aggregateId":').length - 1 : 0
}

function tellAnswer (request, { status, bytes }) {
  const text = bytes.toString('latin1')
  const number = pattern => Number((pattern.exec(text) || [])[1]) || 0
  tell('answer', { n: request.n, ms: Date.now() - request.at, status, size: bytes.length,
    scanned: number(/"ScannedCount":(\d+)/) || itemsOfBatch(text), counted: number(/"id":\{"N":"(\d+)"/) })
}

// The engine's answer, told; the last one where it sees the request twice.
async function askEngine (request, rule) {
  const ask = async () => {
    const answer = await forwardLagging(request)
    tellAnswer(request, answer)
    return answer
  }
  const askLater = async ms => { await sleep(ms); return ask() }
  if (rule.late === 'stall') await new Promise(resolve => stalled.push(resolve))
  else if (rule.late) await sleep(rule.late)
  const first = await ask()
  if (rule.echo !== undefined) finishing(() => askLater(rule.echo)).catch(tellError)
  return rule.again !== undefined ? askLater(rule.again) : first
}

async function answerTo (request, rule) {
  const answer = 'clock' in rule ? refusedByClock(request, rule) : rule.answer
  if (engine && (!answer || rule.carried_out)) {
    const engines = await askEngine(request, rule)
    if (!answer) return engines
  }
  const { status = 200, headers = { 'content-type': 'application/x-amz-json-1.0' }, body = {} } = answer || {}
  const replacement = { status, bytes: answerBytes(status, headers, Buffer.from((typeof body === 'string' ? body : JSON.stringify(body)).replaceAll('%n', request.n))) }
  if (!rule.carried_out) tellAnswer(request, replacement)
  return replacement
}

async function send (bytes, rule, socket) {
  const part = bytes.subarray(0, rule.bytes ?? bytes.length)
  if (rule.pace) {
    for (const byte of part) {
      if (socket.destroyed) return
      socket.write(Buffer.of(byte))
      await sleep(rule.pace)
    }
  } else {
    socket.write(part)
  }
  if (rule.then || part.length < bytes.length) await obey(rule.then || 'stall', socket)
}

async function serve (socket, request) {
  const rule = ruleFor(request)
  const n = request.n = socket.request = ++requests
  const at = request.at = Date.now()
  tell('request', { n, at, connection: socket.number, client: request.client, operation: request.operation, rule: rule.name, size: request.body.length, body: Buffer.from(request.body, 'latin1').toString() })
  if (!await obey(rule.before, socket)) return
  const { bytes } = alter(translate(await answerTo(request, rule), request.operation), rule)
  if (!await obey(rule.after, socket)) return
  await send(bytes, rule, socket)
}

// Requests have a Content-Length and come one at a time.
const server = net.createServer({ noDelay: true }, socket => {
  let received = ''
  socket.number = server.count = (server.count || 0) + 1
  connections.add(socket)
  socket.setEncoding('latin1')
  socket.on('data', text => {
    received += text
    const end = received.indexOf('\r\n\r\n')
    if (end < 0) return
    const head = received.slice(0, end)
    const length = Number((/^content-length: *(\d+)/mi.exec(head) || [0, 0])[1])
    if (received.length < end + 4 + length) return
    const body = received.slice(end + 4)
    received = ''
    socket.busy = true
    const header = pattern => (pattern.exec(head) || [])[1]
    finishing(() => serve(socket, { head, body, operation: header(/^x-amz-target:.*\.(\w+)/mi), client: header(/^x-amz-security-token: *(\S+)/mi) }))
      .catch(error => { tellError(error); socket.destroy() })
      .finally(() => { socket.busy = false })
  })
  socket.on('error', () => {})
  socket.on('end', () => tell('closed', { connection: socket.number }))
  socket.on('close', failed => {
    connections.delete(socket)
    if (failed) tell('closed', { connection: socket.number })
  })
})

function goDown () {
  server.close()
  for (const socket of connections) {
    if (socket.busy) tell('cut', { n: socket.request })
    socket.resetAndDestroy()
  }
}

async function command (line) {
  const { rules: newRules, release, close, reset, seed, limit: newLimit, dialect: newDialect, lag: newLag, refuse, finish, down, up } = JSON.parse(line)
  if (newRules) rules = newRules
  if (newLimit !== undefined) limit = newLimit
  if (newDialect !== undefined) dialect = newDialect
  if (newLag !== undefined) lag = newLag && new IndexLag(newLag, roll, tell)
  if (seed !== undefined) dice = seed | 0
  if (release) stalled.splice(0).forEach(resolve => resolve())
  for (const socket of connections) {
    if (socket.busy) continue
    if (close || refuse) socket.end()
    if (reset) socket.resetAndDestroy()
  }
  if (refuse) server.close()
  if (refuse === false) await new Promise(resolve => server.listen(port, '127.0.0.1', resolve))
  if (down) goDown()
  if (up) await new Promise(resolve => server.listen(port, '127.0.0.1', resolve))
  while (finish && underWay > 0) await sleep(10)
  tell('done')
}

let port = 0
server.listen(0, '127.0.0.1', () => {
  port = server.address().port
  tell('listening', { port })
})
require('readline').createInterface({ input: process.stdin }).on('line', command).on('close', () => process.exit())
