#!/usr/bin/env node
// The same protocol with the AWS SDK for JavaScript v3: its document client, connections kept alive, as many as there are in flight.
//
// usage: sdk.js ENDPOINT
// Each line on stdin is a run, answered by one line of JSON: {"seconds":,"cpu":,"rows":}; cpu is this process's.
//   append N IN-FLIGHT PREFIX    N commits, each by an UpdateItem on the counter and then a PutItem
//   index                        all commits by the index, in order; their events parsed
//   aggregate ID                 all commits of an aggregate, in order, likewise
'use strict'
const http = require('http')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const { DynamoDBDocumentClient, PutCommand, UpdateCommand, paginateQuery } = require('@aws-sdk/lib-dynamodb')
const { NodeHttpHandler } = require('@smithy/node-http-handler')

const client = DynamoDBDocumentClient.from(new DynamoDBClient({
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  requestHandler: new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 64 }) })
}))

async function appendOne (aggregateId) {
  const { Attributes } = await client.send(new UpdateCommand({
    TableName: 'counters',
    Key: { name: 'commits' },
    UpdateExpression: 'ADD #id :n',
    ExpressionAttributeNames: { '#id': 'id' },
    ExpressionAttributeValues: { ':n': 1 },
    ReturnValues: 'UPDATED_NEW'
  }))
  await client.send(new PutCommand({
    TableName: 'commits',
    Item: {
      aggregateId,
      version: 0,
      commitId: Attributes.id,
      committedAt: Date.now(),
      events: JSON.stringify([{ type: 'accountCredited', amount: 1234.56, currency: 'EUR', by: 'john@doe.com', final: true }]),
      active: 't'
    },
    ConditionExpression: 'attribute_not_exists(#a)',
    ExpressionAttributeNames: { '#a': 'aggregateId' }
  }))
}

async function append (n, inFlight, prefix) {
  let next = 0
  const work = async () => { while (next < n) await appendOne(prefix + next++) }
  await Promise.all(Array.from({ length: inFlight }, work))
  return n
}

async function read (query) {
  let rows = 0
  let sum = 0
  const names = { '#a': 'aggregateId', '#v': 'version', '#c': 'commitId', '#t': 'committedAt', '#e': 'events' }
  for await (const page of paginateQuery({ client }, {
    TableName: 'commits',
    ProjectionExpression: '#a, #v, #c, #t, #e',
    ...query,
    ExpressionAttributeNames: { ...names, ...query.ExpressionAttributeNames }
  })) {
    for (const item of page.Items) {
      const events = JSON.parse(item.events)
      const committedAt = new Date(item.committedAt)
      sum += item.aggregateId.length + item.version + item.commitId + committedAt.getTime() + events.length
      rows++
    }
  }
  if (!(sum >= 0)) throw new Error('rows lack attributes')
  return rows
}

const runs = {
  append: (n, inFlight, prefix) => append(Number(n), Number(inFlight), prefix),
  index: () => read({
    IndexName: 'byId',
    KeyConditionExpression: '#active = :t',
    ExpressionAttributeNames: { '#active': 'active' },
    ExpressionAttributeValues: { ':t': 't' }
  }),
  aggregate: id => read({ KeyConditionExpression: '#a = :a', ExpressionAttributeValues: { ':a': id }, ConsistentRead: true })
}

async function main () {
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const [name, ...words] = line.split(' ')
    const start = process.hrtime.bigint()
    const cpu = process.cpuUsage()
    const rows = await runs[name](...words)
    const seconds = Number(process.hrtime.bigint() - start) / 1e9
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, rows }))
  }
}

main()
