#!/usr/bin/env node
// How do appends and catch-up reads fare at DynamoDB's partition limits? Limits are a tenth of DynamoDB's, so that the engine
// behind them is never what is measured.
//
// usage: scale.js URL-OF-THE-ENGINE [--seconds N]     prints a report in Markdown; psql finds its server by the environment
'use strict'
const { spawn } = require('child_process')
const path = require('path')
const readline = require('readline')

const engine = process.argv[2]
const seconds = Number(process.argv[process.argv.indexOf('--seconds') + 1]) || 12
const WRITE = 100
const READ = 300
const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))
const say = text => process.stderr.write(`scale: ${text}\n`)

class Partitions {
  constructor () {
    this.process = spawn(process.execPath, [path.join(__dirname, '../../test/lib/partitions.js'), engine], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.lines = readline.createInterface({ input: this.process.stdout })[Symbol.asyncIterator]()
  }

  async read () { return JSON.parse((await this.lines.next()).value) }
  async start () { this.port = (await this.read()).port; return this }
  async command (command) {
    this.process.stdin.write(JSON.stringify(command) + '\n')
    return this.read()
  }

  limit (limits) { return this.command({ limits }) }
  take () { return this.command({ take: true }) }
  stop () { this.process.stdin.end() }
}

function psql (sql) {
  return new Promise((resolve, reject) => {
    const child = spawn('psql', ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'], { stdio: ['pipe', 'pipe', 'pipe'] })
    let out = ''
    let errors = ''
    child.stdout.on('data', data => { out += data })
    child.stderr.on('data', data => { errors += data })
    child.on('close', code => code === 0 ? resolve(out.trim()) : reject(new Error(errors)))
    child.stdin.end(sql)
  })
}

// One writer: statements for so long, each logged with its time and what became of it.
const writer = (table, number, statement, duration) => psql(`
  DO $$
  DECLARE began timestamptz; ended timestamptz := clock_timestamp() + interval '${duration} s'; n int := 0; outcome text;
  BEGIN
    WHILE clock_timestamp() < ended LOOP
      began := clock_timestamp();
      n := n + 1;
      outcome := '00000';
      BEGIN
        ${statement(table, number)}
      EXCEPTION WHEN OTHERS THEN outcome := SQLSTATE;
      END;
      INSERT INTO statements VALUES (extract(epoch FROM clock_timestamp() - began) * 1000, outcome);
    END LOOP;
  END $$`)

const singleRow = (table, number) => `INSERT INTO ${table} (aggregate_id, version, events) VALUES ('w${number}-' || n, 0, '[{"type":"tick"}]');`
const hundredRows = (table, number) => `INSERT INTO ${table} (aggregate_id, version, events)
  SELECT 'w${number}-' || n || '-' || i, 0, '[{"type":"tick"}]' FROM generate_series(1, 100) i;`

async function storm (partitions, { table, writers, statement, duration }) {
  await psql('TRUNCATE statements')
  await partitions.take()
  await Promise.all(Array.from({ length: writers }, (_, number) => writer(table, number, statement, duration)))
  const { passed } = await partitions.take()
  const statements = JSON.parse(await psql(`SELECT json_build_object('all', count(*), 'failed', count(*) FILTER (WHERE outcome <> '00000'),
    'throttled', count(*) FILTER (WHERE outcome = '53400'),
    'median', percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), 'p99', percentile_cont(0.99) WITHIN GROUP (ORDER BY ms)) FROM statements`))
  return { passed, statements }
}

const sum = (passed, partition, what) => passed.filter(entry => entry.partition === partition).reduce((total, entry) => total + entry[what], 0)
const percent = share => `${(100 * share).toFixed(0)} %`

// The first and last part second are not whole: a bucket that starts full gives one second's worth on top.
async function appendUnderLimit (partitions, name, { writers, statement, wall, table = 'commits' }) {
  say(name)
  await partitions.limit({ write: WRITE, read: READ, burst: 1 })
  const { passed, statements } = await storm(partitions, { table, writers, statement, duration: seconds })
  const slots = new Set(passed.map(entry => entry.slot))
  const time = (Math.max(...slots) - Math.min(...slots) + 1) / 10
  const units = sum(passed, wall, 'units')
  const refused = passed.reduce((total, entry) => total + entry.throttled, 0)
  const requests = statements.all
  return `| ${name} | ${writers} | ${(units / time).toFixed(0)} of ${WRITE} units/s (${percent(units / (WRITE * (time + 1)))}) | ${(refused / requests).toFixed(2)} | ` +
    `${percent(statements.throttled / requests)} | ${statements.median.toFixed(0)} / ${statements.p99.toFixed(0)} ms |`
}

// A partition that carries little for a while, and then what it used to.
async function recovery (partitions) {
  say('recovery')
  const limits = write => ({ write, read: READ, burst: 1 })
  await partitions.limit(limits(WRITE))
  const run = storm(partitions, { table: 'commits', writers: 16, statement: singleRow, duration: 3 * seconds })
  const { at } = await partitions.limit(limits(WRITE))
  await sleep(seconds * 1000)
  const { at: low } = await partitions.limit(limits(WRITE / 10))
  await sleep(seconds * 1000)
  const { at: high } = await partitions.limit(limits(WRITE))
  const { passed } = await run
  const rate = (from, to) => passed.filter(entry => entry.partition === 'index' && entry.slot >= from && entry.slot < to)
    .reduce((total, entry) => total + entry.units, 0) / ((to - from) / 10)
  let slot = high
  while (rate(slot, slot + 10) < 0.9 * WRITE && slot < high + 10 * seconds) slot++
  return [
    `| before | ${rate(at + 10, low).toFixed(0)} of ${WRITE} |`,
    `| while the partition carries a tenth | ${rate(low + 10, high).toFixed(0)} of ${WRITE / 10} |`,
    `| after | ${rate(high + 10, high + 10 * seconds - 10).toFixed(0)} of ${WRITE} |`,
    '', `From the moment the partition carried its full load again it took ${((slot - high) / 10).toFixed(1)} s until a second's appends reached 90 % of it.`
  ].join('\n')
}

async function catchUp (partitions, name, idsPerPartition, commits) {
  say(name)
  await partitions.limit({ write: 1e9, read: READ, burst: 1, ids_per_partition: idsPerPartition })
  await partitions.take()
  const began = Date.now()
  const rows = Number(await psql('SELECT count(events) FROM (SELECT events FROM commits WHERE commit_id > 0 ORDER BY commit_id OFFSET 0) all_of_them'))
  const time = (Date.now() - began) / 1000
  const { passed } = await partitions.take()
  const units = sum(passed, 'index', 'units')
  const refused = sum(passed, 'index', 'throttled')
  const span = Math.ceil(commits / idsPerPartition) || 1
  return `| ${name} | ${rows} | ${units.toFixed(0)} | ${time.toFixed(1)} s | ${(units / READ / span).toFixed(1)} s | ${refused} |`
}

async function main () {
  const partitions = await new Partitions().start()
  await psql(`CREATE EXTENSION IF NOT EXISTS dynamodb_es;
    CREATE SERVER scale FOREIGN DATA WRAPPER dynamodb_es OPTIONS (region 'us-east-1', endpoint 'http://127.0.0.1:${partitions.port}');
    CREATE USER MAPPING FOR CURRENT_USER SERVER scale OPTIONS (access_key_id 'AKIASCALE', secret_access_key 'scale');
    CREATE FOREIGN TABLE commits (commit_id bigint, committed_at timestamptz, aggregate_id text, version bigint, events jsonb) SERVER scale;
    CREATE UNLOGGED TABLE statements (ms float8, outcome text);
    SELECT dynamodb_es_create_tables('commits')`)
  const appends = []
  for (const writers of [4, 16, 48]) appends.push(await appendUnderLimit(partitions, 'one row a statement', { writers, statement: singleRow, wall: 'index' }))
  appends.push(await appendUnderLimit(partitions, '100 rows a statement', { writers: 4, statement: hundredRows, wall: 'index' }))
  const recovered = await recovery(partitions)
  say('filling')
  await partitions.limit({ write: 1e9, read: 1e9, burst: 1 })
  const commits = 20000
  await psql(`INSERT INTO commits (aggregate_id, version, events)
    SELECT 'fill-' || i, 0, json_build_array(json_build_object('type', 'fill', 'text', repeat('x', 900))) FROM generate_series(1, ${commits}) i`)
  const ids = Number(await psql("SELECT dynamodb_es_head('commits')"))
  const reads = [await catchUp(partitions, 'one index partition', Infinity, ids), await catchUp(partitions, 'four index partitions', Math.ceil(ids / 4), ids)]
  partitions.stop()
  process.stdout.write(`
| Appends | Writers | What the index partition carried | Throttled requests for each statement | Statements that failed (53400) | Median / 99th percentile |
| --- | --- | --- | --- | --- | --- |
${appends.join('\n')}

| Appends, 16 writers | Units/s |
| --- | --- |
${recovered}

| Catch-up read | Rows | Read units | Time | At the limit | Throttled requests |
| --- | --- | --- | --- | --- | --- |
${reads.join('\n')}
`)
}

main().catch(error => { process.stderr.write(`${error.stack}\n`); process.exit(1) })
