#!/usr/bin/env node
// A projection as it is written by hand: pages of the index by the AWS SDK, applied by pg, one transaction for each page, in which the position moves.
// It is naive: the position is the highest id that was seen.
//
// usage: consumer.js ENDPOINT, with PGHOST and so on
// Its first line is the process of its session in PostgreSQL. Then each line on stdin is a run, answered by one line of JSON:
// {"seconds":,"cpu":,"rows":}; cpu is this process's.
//   page N      with one statement for each page, until it has applied N commits or has caught up
//   commit N    with one for each commit, likewise
'use strict'
const http = require('http')
const { Client } = require('pg')
const { DynamoDBClient } = require('@aws-sdk/client-dynamodb')
const { DynamoDBDocumentClient, QueryCommand } = require('@aws-sdk/lib-dynamodb')
const { NodeHttpHandler } = require('@smithy/node-http-handler')

const store = DynamoDBDocumentClient.from(new DynamoDBClient({
  endpoint: process.argv[2],
  region: 'us-east-1',
  credentials: { accessKeyId: 'bench', secretAccessKey: 'bench' },
  requestHandler: new NodeHttpHandler({ httpAgent: new http.Agent({ keepAlive: true, maxSockets: 16 }) })
}))

async function pageAfter (position) {
  const { Items } = await store.send(new QueryCommand({
    TableName: 'commits',
    IndexName: 'byId',
    ProjectionExpression: '#a, #v, #c, #e',
    KeyConditionExpression: '#active = :t AND #c > :position',
    ExpressionAttributeNames: { '#a': 'aggregateId', '#v': 'version', '#c': 'commitId', '#e': 'events', '#active': 'active' },
    ExpressionAttributeValues: { ':t': 't', ':position': position }
  }))
  return Items
}

const changeOf = ({ events }) => JSON.parse(events).reduce((sum, event) => sum + event.amount, 0)

const apply = {
  page: (client, commits) => client.query({
    name: 'page',
    text: `INSERT INTO balances AS b SELECT aggregate_id, sum(change) FROM unnest($1::text[], $2::numeric[]) AS c (aggregate_id, change)
           GROUP BY aggregate_id ON CONFLICT (aggregate_id) DO UPDATE SET balance = b.balance + excluded.balance`,
    values: [commits.map(commit => commit.aggregateId), commits.map(changeOf)]
  }),
  commit: async (client, commits) => {
    for (const commit of commits) {
      await client.query({
        name: 'commit',
        text: 'INSERT INTO balances AS b VALUES ($1, $2) ON CONFLICT (aggregate_id) DO UPDATE SET balance = b.balance + excluded.balance',
        values: [commit.aggregateId, changeOf(commit)]
      })
    }
  }
}

async function catchUp (client, way, most) {
  let rows = 0
  let { rows: [{ position }] } = await client.query('SELECT position FROM consumer_position')
  while (rows < most) {
    const commits = await pageAfter(Number(position))
    if (commits.length === 0) break
    position = commits[commits.length - 1].commitId
    rows += commits.length
    await client.query('BEGIN')
    await apply[way](client, commits)
    await client.query({ name: 'position', text: 'UPDATE consumer_position SET position = $1', values: [position] })
    await client.query('COMMIT')
  }
  return rows
}

async function main () {
  const client = new Client()
  await client.connect()
  console.log(client.processID)
  for await (const line of require('readline').createInterface({ input: process.stdin })) {
    const start = process.hrtime.bigint()
    const cpu = process.cpuUsage()
    const [way, most] = line.split(' ')
    const rows = await catchUp(client, way, Number(most))
    const seconds = Number(process.hrtime.bigint() - start) / 1e9
    const { user, system } = process.cpuUsage(cpu)
    console.log(JSON.stringify({ seconds, cpu: (user + system) / 1e6, rows }))
  }
  await client.end()
}

main()
