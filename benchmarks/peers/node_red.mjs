// Node-RED with a flow as its users draw them: a page, its orders, a template each, the ERP; then the next page.
// It has no SOAP library: the message is a template of strings. All orders of a page are on the wire at once.
import http from 'node:http'
import RED from 'node-red'
import { erpOrder } from './erp_order.mjs'

const [url, , folder] = process.argv.slice(2)
const SIZE = 100
const NS = 'urn:sandbox:erp:v1'

const safe = (text) => String(text).replace(/[&<>]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[c])
function xml(name, value) {
  if (value === undefined || value === null) return ''
  if (Array.isArray(value)) return value.map((one) => xml(name, one)).join('')
  if (typeof value !== 'object') return `<${name}>${safe(value)}</${name}>`
  return `<${name}>${Object.entries(value).map(([n, v]) => xml(n, v)).join('')}</${name}>`
}
const envelope = (order) =>
  '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body>' +
  `<CreateSalesOrder xmlns="${NS}">${xml('Order', erpOrder(order))}</CreateSalesOrder></soap:Body></soap:Envelope>`

const func = (id, body, wires, outputs = 1) => ({ id, type: 'function', z: 'tab', func: body, outputs, wires })
const request = (id, method, ret, wires) => ({ id, type: 'http request', z: 'tab', method, ret, url: '', wires })
const flow = [
  { id: 'tab', type: 'tab', label: 'orders' },
  { id: 'start', type: 'inject', z: 'tab', once: true, onceDelay: 0, props: [], wires: [['page']] },
  func('page', `
    const page = (flow.get('page') || 0) + 1
    flow.set('page', page)
    return { url: '${url}/wp-json/wc/v3/orders?per_page=${SIZE}&page=' + page + '&orderby=modified&order=asc' }`,
  [['get']]),
  request('get', 'GET', 'obj', [['orders']]),
  func('orders', `
    if (msg.payload.length === 0) return [null, msg]
    flow.set('left', msg.payload.length)
    flow.set('last', msg.payload.length < ${SIZE})
    const headers = { 'Content-Type': 'text/xml; charset=utf-8', SOAPAction: '""' }
    return [msg.payload.map((o) => ({ url: '${url}/soap', headers, payload: global.get('envelope')(o) })), null]`,
  [['post'], ['end']], 2),
  request('post', 'POST', 'txt', [['counted']]),
  func('counted', `
    if (msg.statusCode !== 200) global.get('failed')(msg.statusCode)
    flow.set('left', flow.get('left') - 1)
    if (flow.get('left') > 0) return null
    return flow.get('last') ? [null, {}] : [{}, null]`,
  [['page'], ['end']], 2),
  func('end', `global.get('end')()`, []),
]

const { writeFileSync } = await import('node:fs')
writeFileSync(`${folder}/flows.json`, JSON.stringify(flow))
const server = http.createServer((_, reply) => reply.end())
RED.init(server, {
  httpAdminRoot: false, httpNodeRoot: false, userDir: folder, flowFile: 'flows.json', credentialSecret: false,
  telemetry: { enabled: false }, logging: { console: { level: 'error' } },
  functionGlobalContext: {
    envelope,
    end: () => process.exit(0),
    failed: (status) => { console.error(`HTTP ${status}`); process.exit(1) },
  },
})
await RED.start()
