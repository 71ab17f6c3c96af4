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
// Events
//   {"event":"request","n":,"connection":,"operation":,"rule":,"size":,"body":}    a whole request is here; rule: the name of the one it met;
//                                                                                  size: of its body in bytes
//   {"event":"answer","n":,"status":,"size":,"scanned":}                   its answer is known, and about to be sent; scanned: the items
//                                                                          that a Query or Scan has read for it
//   {"event":"closed","connection":}                                       a client has closed its connection, or it is broken
//
// For each request the first rule that fits it holds. All members are optional:
//   name                what it is called in events
//   operation, match    fits "PutItem"; fits where this text is in the request, headers included
//   skip, times         fits only after so many fits, and only so often
//   before              before the engine sees the request: "stall", "close", "reset", or a number of ms
//   answer              {status, headers, body} in place of the engine's; a body that is no text is sent as JSON
//   after               when the answer is known, but nothing of it is sent: as before
//   bytes, pace         sends only so many bytes of the answer (headers included); so many ms between two bytes
//   then                after these bytes: "stall" (the default), "close", "reset"
'use strict'
const http = require('http')
const net = require('net')

const engine = process.argv[2] && new URL(process.argv[2])
const agent = new http.Agent({ keepAlive: true })
const connections = new Set()
let rules = []
let stalled = []
let requests = 0

const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

function ruleFor (request) {
  return rules.find(rule => {
    if (rule.operation && rule.operation !== request.operation) return false
    if (rule.match && !(request.head + request.body).includes(rule.match)) return false
    rule.fits = (rule.fits || 0) + 1
    return rule.fits > (rule.skip || 0) && rule.fits <= (rule.skip || 0) + (rule.times || Infinity)
  }) || {}
}

// Does what a rule says at some point; false when the request ends there.
async function obey (what, socket) {
  if (what === 'stall') await new Promise(resolve => stalled.push(resolve))
  else if (what === 'close') socket.end()
  else if (what === 'reset') socket.resetAndDestroy()
  else if (what) await sleep(what)
  return !socket.destroyed && socket.writable
}

function answerBytes (status, headers, body) {
  const lines = Object.entries({ ...headers, 'content-length': body.length }).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} ${http.STATUS_CODES[status] || ''}\r\n${lines.join('')}\r\n`, 'latin1'), body])
}

function forward (request) {
  return new Promise((resolve, reject) => {
    const headers = Object.fromEntries(request.head.split('\r\n').slice(1).map(line => /^([^:]*): *(.*)$/.exec(line).slice(1)))
    const out = http.request(engine, { method: 'POST', agent, headers }, answer => {
      const chunks = []
      const { connection, 'transfer-encoding': chunked, ...headers } = answer.headers
      answer.on('data', chunk => chunks.push(chunk)).on('error', reject)
      answer.on('end', () => resolve({ status: answer.statusCode, bytes: answerBytes(answer.statusCode, headers, Buffer.concat(chunks)) }))
    })
    out.on('error', reject).end(request.body, 'latin1')
  })
}

async function answerTo (request, { answer }) {
  if (!answer && engine) return forward(request)
  const { status = 200, headers = { 'content-type': 'application/x-amz-json-1.0' }, body = {} } = answer || {}
  return { status, bytes: answerBytes(status, headers, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body))) }
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
  const n = ++requests
  tell('request', { n, connection: socket.number, operation: request.operation, rule: rule.name, size: request.body.length, body: Buffer.from(request.body, 'latin1').toString() })
  if (!await obey(rule.before, socket)) return
  const { status, bytes } = await answerTo(request, rule)
  tell('answer', { n, status, size: bytes.length, scanned: Number((/"ScannedCount":(\d+)/.exec(bytes.toString('latin1')) || [])[1]) || 0 })
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
    serve(socket, { head, body, operation: (/^x-amz-target:.*\.(\w+)/mi.exec(head) || [])[1] })
      .catch(error => { tell('error', { message: String(error) }); socket.destroy() })
      .finally(() => { socket.busy = false })
  })
  socket.on('error', () => {})
  socket.on('end', () => tell('closed', { connection: socket.number }))
  socket.on('close', failed => {
    connections.delete(socket)
    if (failed) tell('closed', { connection: socket.number })
  })
})

function command (line) {
  const { rules: newRules, release, close, reset } = JSON.parse(line)
  if (newRules) rules = newRules
  if (release) stalled.splice(0).forEach(resolve => resolve())
  for (const socket of connections) {
    if (socket.busy) continue
    if (close) socket.end()
    if (reset) socket.resetAndDestroy()
  }
  tell('done')
}

server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }))
require('readline').createInterface({ input: process.stdin }).on('line', command).on('close', () => process.exit())
