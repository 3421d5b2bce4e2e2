// A gRPC client of the JavaScript implementation (@grpc/grpc-js), driven by lines of JSON, for test_grpc_js.py.
//
//     node grpc_client.js DIRECTORY_OF_PROTOS
//
// in:  {"id": 1, "address": "127.0.0.1:8081", "method": "limit" | "check" | "watch" | "/any/Path",
//       "request": {...}, "deadline_ms": 100, "cancel_ms": 5, "count": 1000, "gzip": true}
// out: {"id": 1, "code": 0, "message": "", "reply": {...}} for each call, in the order in which they end;
//      of a watch {"id": 1, "reply": {...}} for each message, and one with a code at its end.
'use strict';
const path = require('path');
const readline = require('readline');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const options = {keepCase: true, longs: Number, enums: String, defaults: false, arrays: true};
const load = (name) => grpc.loadPackageDefinition(loader.loadSync(path.join(process.argv[2], name), options));
const services = {
  limit: load('rls.proto').envoy.service.ratelimit.v3.RateLimitService,
  health: load('health.proto').grpc.health.v1.Health,
};
const clients = new Map();

function clientFor(kind, address, gzip) {
  const key = `${kind} ${address} ${gzip}`;
  if (!clients.has(key)) {
    const channel = gzip ? {'grpc.default_compression_algorithm': 2} : {};
    clients.set(key, new services[kind](address, grpc.credentials.createInsecure(), channel));
  }
  return clients.get(key);
}

const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\n');

function once(command) {
  const client = clientFor(command.method === 'check' ? 'health' : 'limit', command.address, command.gzip);
  const call_options = command.deadline_ms ? {deadline: Date.now() + command.deadline_ms} : {};
  const ended = (error, reply) =>
    say({id: command.id, code: error ? error.code : 0, message: error ? error.details : '', reply: reply || null});
  let call;
  if (command.method === 'check') {
    call = client.Check(command.request, call_options, ended);
  } else if (command.method === 'limit') {
    call = client.ShouldRateLimit(command.request, call_options, ended);
  } else {
    const raw = (bytes) => Buffer.from(bytes);
    call = client.makeUnaryRequest(command.method, raw, (bytes) => ({bytes: bytes.length}), command.request,
                                   new grpc.Metadata(), call_options, ended);
  }
  if (command.cancel_ms !== undefined) setTimeout(() => call.cancel(), command.cancel_ms);
}

function watch(command) {
  const stream = clientFor('health', command.address).Watch(command.request);
  stream.on('data', (reply) => say({id: command.id, reply}));
  stream.on('error', () => {});  // told by the status
  stream.on('status', (status) => say({id: command.id, code: status.code, message: status.details}));
  if (command.cancel_ms !== undefined) setTimeout(() => stream.cancel(), command.cancel_ms);
}

const lines = readline.createInterface({input: process.stdin});
lines.on('line', (line) => {
  const command = JSON.parse(line);
  if (command.method === 'watch') return watch(command);
  for (let number = 0; number < (command.count || 1); ++number) once(command);
});
lines.on('close', () => process.exit(0));
