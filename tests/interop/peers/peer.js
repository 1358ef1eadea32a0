// An order service on node-soap. Started as: node peer.js WSDL_FOLDER; it prints its port.
// The path names the WSDL: /document, /rpc.
const fs = require('fs');
const http = require('http');
const path = require('path');
const soap = require('soap');

const orders = [];
const sockets = new Set();

function fail(code) {
  throw { Fault: { faultcode: 'soap:Client', faultstring: 'refused', statusCode: 500,
                   detail: { BusinessError: { Code: code } } } };
}

/** A list as node-soap hands it: one alone is no array, an empty one is null. */
function list(held, member) {
  const found = held ? held[member] : undefined;
  return found === undefined || found === null ? [] : Array.isArray(found) ? found : [found];
}

/** Members go out in the order of the object, which is deliberately not the schema's. */
function out(order) {
  return { Lines: { Line: order.Lines }, Version: order.Version, Total: order.Total,
           Express: order.Express, Note: order.Note, Currency: order.Currency,
           PlacedAt: new Date(order.PlacedAt).toISOString(), State: order.State, Reference: order.Reference,
           Id: order.Id };
}

function text(value) {
  return value && typeof value === 'object' && '$value' in value ? value.$value : value;
}

function create(given) {
  const lines = list(given.Lines, 'Line');
  if (lines.some((line) => line.Sku === 'unknown')) fail('unknown_item');
  const order = { ...given, Lines: lines, Id: `O${orders.length + 1}`, Version: 1 };
  orders.push(order);
  if (given.Note === 'die') for (const socket of sockets) socket.destroy();
  if (given.Note === 'crash') throw new Error('after the work');
  return { Version: order.Version, Id: order.Id };
}

function update(id, version, note) {
  const order = orders.find((one) => one.Id === id);
  if (!order) fail('not_found');
  if (version && Number(version) !== order.Version) fail('stale');
  order.Note = note;
  order.Version += 1;
  return { Version: order.Version, Id: order.Id };
}

const found = (reference) => orders.filter((one) => one.Reference === reference).map(out);
const page = (number, size) => orders.slice((number - 1) * size, number * size).map(out);
const one = (id) => orders.filter((order) => order.Id === id).map(out)[0];
const operations = {
  CreateOrder: (a) => ({ Result: create(a.Order) }),
  UpdateOrder: (a) => ({ Result: update(text(a.Id), text(a.Version), text(a.Note)) }),
  GetOrder: (a) => ({ Order: one(text(a.Id)) }),
  FindOrders: (a) => ({ Orders: { Order: found(text(a.Reference)) } }),
  ListOrders: (a) => ({ Orders: { Order: page(Number(text(a.Page)), Number(text(a.Size))) } }),
};

const server = http.createServer((request, response) => {
  response.statusCode = 404;
  response.end();
});
server.on('connection', (socket) => {
  sockets.add(socket);
  socket.on('close', () => sockets.delete(socket));
});
server.listen(0, '127.0.0.1', () => {
  for (const style of ['document', 'rpc']) {
    const wsdl = fs.readFileSync(path.join(process.argv[2], `${style}.wsdl`), 'utf8');
    const ports = { Soap11: operations, Soap12: operations };
    soap.listen(server, { path: `/${style}`, services: { Orders: ports }, xml: wsdl });
  }
  console.log(server.address().port);
});
