#!/usr/bin/env node
// Stands between clients and a DynamoDB engine and lets through what DynamoDB's partitions would.
//
// usage: partitions.js URL-OF-THE-ENGINE
// Its first line on stdout is {"event":"listening","port":N}. Each line on stdin is a command, answered by one line, a {"event":"done"}:
//   {"limits":{"write":W,"read":R,"burst":S,"table_partitions":N,"ids_per_partition":K,"delay":MS}}   from now on
//   {"take":true}      with what has passed since the last take: for each 100 ms and each partition the units that passed and the
//                      requests that were throttled; and as "peak" the most requests that were under way at once
//
// The model. Each partition has a bucket of write units and one of read units, filled at W and R a second, for S seconds at
// most (DynamoDB: 1000, 3000, 300). Partitions are
//   - of the counter table: one item is one partition;
//   - of the commits table: N, by a hash of the aggregate;
//   - of the index, all of whose items have active = t: one for each K commit ids. Ids only grow, so all writes go to the last.
// A put needs ceil(size / 1 KB) units of its table partition and of the index: an index that cannot keep up throttles its table
// (DynamoDB gives it some slack there, this does not). A transaction needs twice as many of the tables, and the index once. A
// read takes what it has cost once that is known, and is refused while its bucket is below zero. Every request comes the delay
// later than it was sent.
'use strict'
const http = require('http')

const engine = new URL(process.argv[2])
const agent = new http.Agent({ keepAlive: true })
let limits = { write: 1000, read: 3000, burst: 300, table_partitions: 4, ids_per_partition: Infinity, delay: 0 }
const buckets = new Map()
let slots = new Map()
let underWay = 0
let peak = 0

const now = () => performance.now() / 1000

function bucket (partition, kind) {
  const key = `${partition} ${kind}`
  const rate = limits[kind]
  const most = Math.max(rate * limits.burst, 1)
  const found = buckets.get(key) || { units: most, at: now() }
  found.units = Math.min(most, found.units + (now() - found.at) * rate)
  found.at = now()
  buckets.set(key, found)
  return found
}

function count (partition, what, units) {
  const slot = Math.floor(now() * 10)
  const kind = partition.split(' ')[0]
  const key = `${slot} ${kind}`
  if (!slots.has(key)) slots.set(key, { slot, partition: kind, units: 0, throttled: 0 })
  slots.get(key)[what] += units
}

const hash = text => [...text].reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) >>> 0, 7)
const tablePartition = aggregate => `table ${hash(aggregate) % limits.table_partitions}`
const indexPartition = id => `index ${Math.floor((id || 0) / limits.ids_per_partition)}`
const kilobytes = item => Math.ceil(JSON.stringify(item).length / 1024)

function putNeeds (item, factor) {
  const units = kilobytes(item)
  return [[tablePartition(item.aggregateId.S), units * factor], [indexPartition(Number(item.commitId.N)), units]]
}

// The partitions that a write needs, and how many units of each.
function writeNeeds (operation, body) {
  switch (operation) {
    case 'UpdateItem': return [[`counter ${body.Key.name.S}`, 1]]
    case 'PutItem': return body.Item.commitId ? putNeeds(body.Item, 1) : [[`counter ${body.Item.name.S}`, 1]]
    case 'TransactWriteItems': return body.TransactItems.flatMap(({ Put, Update, ConditionCheck }) =>
      Put ? putNeeds(Put.Item, 2) : Update ? [[`counter ${Update.Key.name.S}`, 2]] : [[tablePartition(ConditionCheck.Key.aggregateId.S), 2]])
    default: return []
  }
}

// The partition that a page of the index comes from: the one that the page starts in.
function readPartition (operation, body) {
  if (operation === 'Scan') return `table ${body.Segment || 0}`
  if (operation !== 'Query') return null
  if (!body.IndexName) return tablePartition(Object.values(body.ExpressionAttributeValues).find(value => value.S)?.S || '')
  if (body.ExclusiveStartKey) return indexPartition(Number(body.ExclusiveStartKey.commitId.N) + (body.ScanIndexForward === false ? -1 : 1))
  const ids = Object.values(body.ExpressionAttributeValues).filter(value => value.N).map(value => Number(value.N))
  return indexPartition(body.ScanIndexForward === false ? Math.max(0, ...ids) : Math.min(...ids, Infinity))
}

function throttled (response, partition, kind) {
  const [place] = partition.split(' ')
  const reason = `${place === 'index' ? 'Index' : 'Table'}${kind === 'write' ? 'Write' : 'Read'}KeyRangeThroughputExceeded`
  count(partition, 'throttled', 1)
  const body = JSON.stringify({
    __type: 'com.amazonaws.dynamodb.v20120810#ThrottlingException',
    message: 'Throughput exceeds the current capacity of your table or index.',
    throttlingReasons: [{ reason, resource: `arn:aws:dynamodb:us-east-1:000000000000:table/commits${place === 'index' ? '/index/byId' : ''}` }]
  })
  response.writeHead(400, { 'content-type': 'application/x-amz-json-1.0', 'content-length': Buffer.byteLength(body) })
  response.end(body)
}

function serve (request, bytes, response) {
  const operation = /\.(\w+)$/.exec(request.headers['x-amz-target'] || '')?.[1]
  const body = JSON.parse(bytes)
  const needs = new Map()
  for (const [partition, units] of writeNeeds(operation, body)) needs.set(partition, (needs.get(partition) || 0) + units)
  for (const [partition, units] of needs) if (bucket(partition, 'write').units < Math.min(units, limits.write)) return throttled(response, partition, 'write')
  const read = readPartition(operation, body)
  if (read && bucket(read, 'read').units < 0) return throttled(response, read, 'read')
  for (const [partition, units] of needs) {
    bucket(partition, 'write').units -= units
    count(partition, 'units', units)
  }
  const out = http.request(engine, { method: 'POST', agent, headers: request.headers }, answer => {
    const parts = []
    answer.on('data', part => parts.push(part)).on('end', () => {
      const whole = Buffer.concat(parts)
      const { 'transfer-encoding': chunked, connection, ...headers } = answer.headers
      if (read) {
        const units = JSON.parse(whole).ConsumedCapacity?.CapacityUnits || 0.5
        bucket(read, 'read').units -= units
        count(read, 'units', units)
      }
      response.writeHead(answer.statusCode, { ...headers, 'content-length': whole.length })
      response.end(whole)
    })
  })
  out.on('error', () => response.destroy())
  out.end(bytes)
}

const server = http.createServer((request, response) => {
  const chunks = []
  peak = Math.max(peak, ++underWay)
  response.on('close', () => { underWay-- })
  request.on('data', chunk => chunks.push(chunk)).on('end', () => {
    const work = () => serve(request, Buffer.concat(chunks), response)
    if (limits.delay > 0) setTimeout(work, limits.delay)
    else work()
  })
})
server.keepAliveTimeout = 120000

require('readline').createInterface({ input: process.stdin }).on('line', line => {
  const command = JSON.parse(line)
  if (command.limits) {
    limits = { ...limits, ...command.limits }
    buckets.clear()
  }
  const passed = command.take ? [...slots.values()] : []
  process.stdout.write(JSON.stringify({ event: 'done', at: Math.floor(now() * 10), passed, peak }) + '\n')
  if (command.take) {
    slots = new Map()
    peak = underWay
  }
}).on('close', () => process.exit())
server.listen(0, '127.0.0.1', () => process.stdout.write(JSON.stringify({ event: 'listening', port: server.address().port }) + '\n'))
