#!/usr/bin/env node
// An HTTPS server that offers one version of TLS: tls_endpoint.js VERSION KEY CERTIFICATE
//
// Its first line on stdout is {"event":"listening","port":N}. Then it takes one JSON command a line on stdin, {"wait":N}, answered by {"event":"done"}
// once so many handshakes have ended since the last one was answered. It ends when stdin does.
//
// {"event":"handshake","came_to":"TLSv1.3"}   one has ended: with that version, or with that error
'use strict'
const fs = require('fs')
const https = require('https')

const [version, key, certificate] = process.argv.slice(2)
const tell = (event, more) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n')
const waits = []
let ended = 0

function answerWaits () {
  while (waits.length > 0 && ended >= waits[0]) {
    waits.shift()
    ended = 0
    tell('done')
  }
}

function handshake (cameTo) {
  ended++
  tell('handshake', { came_to: cameTo })
  answerWaits()
}

const server = https.createServer({
  key: fs.readFileSync(key),
  cert: fs.readFileSync(certificate),
  minVersion: version,
  maxVersion: version,
  ciphers: 'DEFAULT@SECLEVEL=0'
}, (request, response) => response.writeHead(400, { 'Content-Type': 'application/x-amz-json-1.0' }).end('{}'))
server.on('secureConnection', socket => handshake(socket.getProtocol()))
server.on('tlsClientError', error => handshake(error.message))
server.listen(0, '127.0.0.1', () => tell('listening', { port: server.address().port }))
require('readline').createInterface({ input: process.stdin })
  .on('line', line => { waits.push(JSON.parse(line).wait || 0); answerWaits() })
  .on('close', () => process.exit())
