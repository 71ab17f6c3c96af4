#!/usr/bin/env node
// A DynamoDB endpoint that answers Query and Scan with made-up pages: as many, as large and as uneven as a test wants, and when it wants them.
//
// Its first line on stdout is {"event":"listening","port":N}. Then it takes one JSON command a line on stdin, each answered by a
// {"event":"done"}, and tells what it sees, one JSON event a line on stdout. It ends when stdin does.
//
// Commands
//   {"store":{…}}      replaces what it holds, and forgets what it has counted. Members, all optional:
//                        pages    the items on each page of a stream, such as [10, 0, 3]; a LastEvaluatedKey between them, not after the last
//                        streams  the same for single streams: {"a": [1]}; a stream is an aggregate id, "index", or the number of a segment
//                        bytes    of each item's events
//                        units    of read capacity that each page costs
//   {"hold":true}      answers nothing from now on; {"hold":false} lets everything go
//   {"release":N}      answers the N requests that have waited longest
//   {"wait":{…}}       is done only when there are as many requests as it says: {"seen":N} so far, {"in_flight":N} unanswered
// {"event":"done","in_flight":,"peak":,"seen":}  requests unanswered now, at most at a time, in all; of the latter two since the last store
// Events
//   {"event":"request","stream":,"page":,"limit":,"segments":}    page: from 0
//   {"event":"gone","stream":,"page":}                            a client has hung up before it had its answer
'use strict'
const http = require('http')

let store = {}
let holding = false
const held = []
const waits = []
const count = { in_flight: 0, peak: 0, seen: 0 }

const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')

function tellDone () {
  for (let i = waits.length - 1; i >= 0; i--) {
    if (Object.entries(waits[i]).every(([name, wanted]) => count[name] === wanted)) {
      waits.splice(i, 1)
      tell('done', count)
    }
  }
}

// Which stream a request reads: by the only string among its values, or its segment.
function streamOf (operation, body) {
  if (operation === 'Scan') return String(body.Segment || 0)
  if (body.IndexName) return 'index'
  return Object.values(body.ExpressionAttributeValues).find(value => 'S' in value).S
}

function item (stream, number, events) {
  const id = (Number(stream) || 0) * 1000000 + number
  return { aggregateId: { S: stream }, version: { N: String(number) }, commitId: { N: String(id) }, committedAt: { N: String(id) }, events: { S: events } }
}

// A LastEvaluatedKey says where to go on: in the version, page * 1000000 + items taken of it.
function answer (stream, body) {
  const pages = (store.streams && store.streams[stream]) || store.pages || [0]
  const at = body.ExclusiveStartKey ? Number(body.ExclusiveStartKey.version.N) : 0
  const page = Math.floor(at / 1000000)
  const from = at % 1000000
  const to = Math.min(pages[page], body.Limit ? from + body.Limit : Infinity)
  const next = to < pages[page] || to - from === body.Limit ? page * 1000000 + to : page + 1 < pages.length ? (page + 1) * 1000000 : null
  const before = pages.slice(0, page).reduce((sum, items) => sum + items, 0)
  const events = JSON.stringify([{ type: 'opened', text: 'x'.repeat(store.bytes || 0) }])
  const counting = body.Select === 'COUNT'
  return {
    page,
    body: {
      Count: to - from,
      ScannedCount: to - from,
      ConsumedCapacity: { TableName: body.TableName, CapacityUnits: store.units || 0 },
      ...(counting ? {} : { Items: Array.from({ length: to - from }, (_, i) => item(stream, before + from + i, events)) }),
      ...(next === null ? {} : { LastEvaluatedKey: { aggregateId: { S: stream }, version: { N: String(next) } } })
    }
  }
}

function serve (request, response, text) {
  const operation = request.headers['x-amz-target'].split('.')[1]
  const body = JSON.parse(text)
  const stream = streamOf(operation, body)
  const { page, body: out } = answer(stream, body)
  let waiting = true
  const settle = () => {
    waiting = false
    count.in_flight--
  }
  const send = () => {
    if (!waiting) return
    settle()
    response.writeHead(200, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(out))
  }
  count.seen++
  count.peak = Math.max(count.peak, ++count.in_flight)
  tell('request', { stream, page, limit: body.Limit, segments: body.TotalSegments })
  response.on('close', () => {
    if (!waiting) return
    settle()
    tell('gone', { stream, page })
    tellDone()
  })
  if (holding) held.push(send)
  else send()
  tellDone()
}

const server = http.createServer((request, response) => {
  const chunks = []
  request.on('data', chunk => chunks.push(chunk)).on('end', () => serve(request, response, Buffer.concat(chunks).toString()))
})
server.keepAliveTimeout = 0

function command (line) {
  const { store: newStore, hold, release, wait } = JSON.parse(line)
  if (newStore) {
    store = newStore
    count.peak = count.in_flight
    count.seen = 0
  }
  if (hold !== undefined) holding = hold
  held.splice(0, hold === false ? held.length : release || 0).forEach(send => send())
  waits.push(wait || {})
  tellDone()
}

server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }))
require('readline').createInterface({ input: process.stdin }).on('line', command).on('close', () => process.exit())
