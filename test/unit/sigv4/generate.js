// Writes vectors.json anew: requests of the kinds that the extension sends, and a hundred random ones (always the same), signed
// by the AWS SDK for JavaScript. test_sigv4 must come to the same signatures.
//   script/setup --bench && node test/unit/sigv4/generate.js >test/unit/sigv4/vectors.json
const { createHash, createHmac } = require('node:crypto')
const path = require('node:path')
const { SignatureV4, getCanonicalHeaders } = require(path.join(__dirname, '../../../bench/clients/node_modules/@smithy/signature-v4'))

class Sha256 {
  constructor (secret) { this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret) }
  update (bytes) { this.hash.update(bytes) }
  async digest () { return new Uint8Array(this.hash.digest()) }
}

// AWS's documentation has this key.
const keys = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' }
const token = 'FwoGZXIvYXdzEXAMPLE//token+with/signs=='

const target = operation => ({ 'X-Amz-Target': `DynamoDB_20120810.${operation}`, 'Content-Type': 'application/x-amz-json-1.0' })
const dynamodb = (name, operation, body, more = {}) => ({
  name, region: 'us-east-1', service: 'dynamodb', host: 'dynamodb.us-east-1.amazonaws.com', method: 'POST', path: '/', query: {},
  headers: target(operation), body, date: '2026-02-28T23:59:59Z', ...more
})
const sts = (name, query, more = {}) => ({
  name, region: 'us-west-2', service: 'sts', host: 'sts.us-west-2.amazonaws.com', method: 'GET', path: '/', query, headers: {}, body: '',
  date: '2026-02-28T23:59:59Z', ...more
})

const cases = [
  dynamodb('query', 'Query', '{"TableName":"commits"}'),
  dynamodb('empty body', 'ListTables', ''),
  dynamodb('body beyond ASCII', 'PutItem', '{"name":"Zoë ☕ 𝕫"}'),
  dynamodb('body with control characters', 'PutItem', '\u0000\u0001\r\n\t'),
  dynamodb('long body', 'TransactWriteItems', 'x'.repeat(5000)),
  dynamodb('session token', 'GetItem', '{}', { token }),
  dynamodb('port in the host', 'Scan', '{}', { host: 'localhost:8000' }),
  dynamodb('IPv6 host', 'Scan', '{}', { host: '[::1]:8000' }),
  dynamodb('account endpoint', 'UpdateItem', '{}', { host: '111122223333.ddb.eu-central-1.amazonaws.com', region: 'eu-central-1' }),
  dynamodb('China', 'Query', '{}', { host: 'dynamodb.cn-north-1.amazonaws.com.cn', region: 'cn-north-1' }),
  dynamodb('FIPS', 'Query', '{}', { host: 'dynamodb-fips.us-gov-west-1.amazonaws.com', region: 'us-gov-west-1' }),
  dynamodb('first moment of a year', 'Query', '{}', { date: '2027-01-01T00:00:00Z' }),
  dynamodb('last moment of a leap day', 'Query', '{}', { date: '2028-02-29T23:59:59Z' }),
  dynamodb('blanks in header values', 'Query', '{}', { headers: { ...target('Query'), 'X-B': '  two   words\t ', 'x-a': '', 'X-C': ' \t ' } }),
  dynamodb('names of headers in any case and order', 'Query', '{}', { headers: { 'z-LAST': '1', 'A-first': '2', 'x-Amz-tArget': 'DynamoDB_20120810.Query' } }),
  dynamodb('another access key', 'Query', '{}', { keys: { accessKeyId: 'ASIAEXAMPLE', secretAccessKey: 'a/b+c=' }, token: 'short' }),
  sts('parameters', { Version: '2011-06-15', Action: 'GetCallerIdentity' }),
  sts('parameters in byte order', { b: '1', B: '2', a: '3', 'a-b': '4', 'a.b': '5', a0: '6', _: '7', '~': '8' }),
  sts('several of one name', { a: ['2', '1', '10', ''], b: '' }),
  sts('all of ASCII in a parameter', { q: Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join('') }),
  sts('parameter beyond ASCII', { 'né': 'Zoë ☕ 𝕫' }),
  sts('a path', { Action: 'x' }, { path: '/a%20b/c' }),
  sts('a form', {}, { method: 'POST', body: 'Action=AssumeRole&RoleSessionName=x', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } })
]

let seed = 1
const below = n => { seed = (Math.imul(seed, 1103515245) + 12345) & 0x7fffffff; return (seed >>> 8) % n }
const pick = list => list[below(list.length)]
const text = (alphabet, most) => Array.from({ length: below(most + 1) }, () => pick(alphabet)).join('')
const letters = [...'abcXYZ019-_.~']
const any = [...letters, ...' \t!"#$%&\'()*+,/:;<=>?@[]^`{|}é☕', '𝕫']
for (let i = 0; i < 100; i++) {
  const query = {}
  const headers = {}
  for (let n = below(4); n > 0; n--) query[`q${text(any, 5)}`] = below(2) ? text(any, 8) : Array.from({ length: 1 + below(3) }, () => text(any, 4))
  for (let n = below(4); n > 0; n--) headers[`X-${text([...'abcXYZ019-'], 6)}q`] = text([...any.slice(0, 40)], 12)
  cases.push({
    name: `random ${i}`, region: pick(['us-east-1', 'eu-central-1', 'ap-southeast-2']), service: pick(['dynamodb', 'sts']), host: `h${text(letters, 9)}`,
    method: pick(['POST', 'GET']), path: '/', query, headers, body: text(any, 60), token: below(2) ? token : undefined,
    date: new Date(Date.UTC(2020, below(120), 1 + below(28), below(24), below(60), below(60))).toISOString()
  })
}

const encode = value => encodeURIComponent(value).replace(/[!'()*]/g, c => '%' + c.charCodeAt(0).toString(16).toUpperCase())
const encodeQuery = query => Object.entries(query).flatMap(([name, value]) => [value].flat().map(one => `${encode(name)}=${encode(one)}`)).join('&')

async function sign (one) {
  const timestamp = new Date(one.date).toISOString().replace(/[-:]|\.\d+/g, '')
  const credentials = { ...(one.keys || keys), ...(one.token && { sessionToken: one.token }) }
  const signer = new SignatureV4({ credentials, region: one.region, service: one.service, sha256: Sha256, uriEscapePath: false, applyChecksum: false })
  const request = { method: one.method, path: one.path, query: one.query, headers: { ...one.headers, Host: one.host }, body: one.body, hostname: one.host, protocol: 'https:' }
  const signed = await signer.sign(request, { signingDate: new Date(one.date) })
  const { authorization, ...rest } = signed.headers
  const headers = getCanonicalHeaders({ ...signed, headers: rest })
  const hash = createHash('sha256').update(one.body).digest('hex')
  return {
    name: one.name, region: one.region, service: one.service, access_key_id: credentials.accessKeyId, secret_access_key: credentials.secretAccessKey,
    timestamp, method: one.method, path: one.path, query: encodeQuery(one.query), headers: rest, body_hex: Buffer.from(one.body).toString('hex'),
    canonical_request: signer.createCanonicalRequest({ ...signed, headers: rest }, headers, hash), authorization
  }
}

Promise.all(cases.map(sign)).then(vectors => console.log('[\n' + vectors.map(vector => JSON.stringify(vector)).join(',\n') + '\n]'))
