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
//                      or, in place of pages, items with sort keys, read by the ranges and directions that are asked for:
//                        keys      {"index": [[1, 1000], [5000, 5200]]}: the keys of a stream, from and to
//                        page      items on a page
//                        heavy     [from, to, weight]: each of these takes the place of so many
//                        head      what the counter says; without it there is none
//                        filtered  a page shows only every so-manyth item
//   {"hold":true}      answers nothing from now on; {"hold":false} lets everything go
//   {"release":N}      answers the N requests that have waited longest
//   {"wait":{…}}       is done only when there are as many requests as it says: {"seen":N} so far, {"in_flight":N} unanswered
// {"event":"done","in_flight":,"peak":,"seen":,"units":}  requests unanswered now, at most at a time, in all, and the read capacity that they cost;
//                                                       all but the first since the last store
// Events
//   {"event":"request","stream":,"page":,"limit":,"segments":}    page: from 0; of keys the first and last one of the page, the counter's stream
//                                                                 is "counter", and an empty page's "none"
//   {"event":"gone","stream":,"page":}                            a client has hung up before it had its answer
'use strict'
const http = require('http')

let store = {}
let holding = false
const held = []
const waits = []
const count = { in_flight: 0, peak: 0, seen: 0, units: 0 }

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

// A LastEvaluatedKey says where to go on, page * 1000000 + items taken of it: no sort key, so these streams are never cut.
function answer (stream, body) {
  const given = (store.streams && store.streams[stream]) || store.pages || []
  const pages = given.length ? given : [0]
  const at = body.ExclusiveStartKey ? Number(body.ExclusiveStartKey.at.N) : 0
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
      ...(next === null ? {} : { LastEvaluatedKey: { aggregateId: { S: stream }, at: { N: String(next) } } })
    }
  }
}

// The last integer up to a bound, which may be the number next to an integer: too close for a Number.
function integerUpTo (bound) {
  return parseInt(bound) - (/^-\d+\./.test(bound) ? 1 : 0)
}

// The keys that a request asks for, as [from, to].
function rangeOf (body) {
  const numbers = Object.values(body.ExpressionAttributeValues).filter(value => 'N' in value).map(value => integerUpTo(value.N))
  const condition = body.KeyConditionExpression
  if (/BETWEEN/.test(condition)) return numbers
  if (/>=/.test(condition)) return [numbers[0], Infinity]
  if (/<=/.test(condition)) return [-Infinity, numbers[0]]
  return numbers.length ? [numbers[0], numbers[0]] : [-Infinity, Infinity]
}

// The next key of a stream at or behind `key`, or undefined.
function nextKey (stream, key, backward) {
  const found = store.keys[stream].map(([from, to]) => backward ? (from <= key ? Math.min(to, key) : null) : (to >= key ? Math.max(from, key) : null))
    .filter(key => key !== null)
  return found.length ? (backward ? Math.max(...found) : Math.min(...found)) : undefined
}

function keyAnswer (stream, body) {
  const backward = body.ScanIndexForward === false
  const sortKey = stream === 'index' ? 'commitId' : 'version'
  const range = rangeOf(body)
  const step = backward ? -1 : 1
  const end = range[backward ? 0 : 1]
  const start = body.ExclusiveStartKey ? Number(body.ExclusiveStartKey[sortKey].N) : null
  // As DynamoDB does.
  if (start !== null && (start < range[0] || start > range[1])) return { page: 'refused', status: 400, body: { __type: 'x#ValidationException', message: 'The provided starting key is outside query boundaries' } }
  const keys = []
  let weight = 0
  let key = nextKey(stream, start !== null ? start + step : range[backward ? 1 : 0], backward)
  while (key !== undefined && (backward ? key >= end : key <= end) && weight < store.page && !(keys.length >= body.Limit)) {
    const [from, to, heavy] = store.heavy || [1, 0, 1]
    weight += key >= from && key <= to ? heavy : 1
    keys.push(key)
    key = nextKey(stream, key + step, backward)
  }
  const full = weight >= store.page || keys.length === body.Limit
  const last = keys[keys.length - 1]
  const shown = keys.filter(key => !store.filtered || key % store.filtered === 0)
  const text = JSON.stringify([{ type: 'opened', text: 'x'.repeat(store.bytes || 0) }])
  const item = key => ({ aggregateId: { S: stream }, version: { N: String(key) }, commitId: { N: String(key) }, committedAt: { N: '0' }, events: { S: text } })
  return {
    page: keys.length ? `${keys[0]}-${last}` : 'none',
    body: {
      Count: shown.length,
      ScannedCount: keys.length,
      ConsumedCapacity: { TableName: body.TableName, CapacityUnits: store.units ?? Math.max(0.5, Math.ceil(weight / store.page * 256) / 2) },
      ...(body.Select === 'COUNT' ? {} : { Items: shown.map(item) }),
      ...(full ? { LastEvaluatedKey: { aggregateId: { S: stream }, version: { N: String(last) }, commitId: { N: String(last) }, active: { S: 't' } } } : {})
    }
  }
}

function counterAnswer (body) {
  const item = store.head === undefined ? {} : { Item: { name: { S: 'commits' }, id: { N: String(store.head) } } }
  return { page: body.ConsistentRead ? 'consistent' : 'stale', body: { ConsumedCapacity: { TableName: body.TableName, CapacityUnits: 1 }, ...item } }
}

function serve (request, response, text) {
  const operation = request.headers['x-amz-target'].split('.')[1]
  const body = JSON.parse(text)
  const stream = operation === 'GetItem' ? 'counter' : streamOf(operation, body)
  const { page, status = 200, body: out } = stream === 'counter' ? counterAnswer(body) : store.keys ? keyAnswer(stream, body) : answer(stream, body)
  let waiting = true
  const settle = () => {
    waiting = false
    count.in_flight--
  }
  const send = () => {
    if (!waiting) return
    settle()
    response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' }).end(JSON.stringify(out))
  }
  count.seen++
  count.units += status === 200 ? out.ConsumedCapacity.CapacityUnits : 0    // whether or not anybody waits for it
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
    count.units = 0
  }
  if (hold !== undefined) holding = hold
  held.splice(0, hold === false ? held.length : release || 0).forEach(send => send())
  waits.push(wait || {})
  tellDone()
}

server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }))
require('readline').createInterface({ input: process.stdin }).on('line', command).on('close', () => process.exit())
