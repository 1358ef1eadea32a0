// node-soap: pages of the shop, eight calls at once to the ERP.
import soap from 'soap'
import { erpOrder } from './erp_order.mjs'

const [url, wsdl] = process.argv.slice(2)
const SIZE = 100
const AT_ONCE = 8

const client = await soap.createClientAsync(wsdl, {}, `${url}/soap`)

async function page(number) {
  const query = `per_page=${SIZE}&page=${number}&orderby=modified&order=asc`
  return (await fetch(`${url}/wp-json/wc/v3/orders?${query}`)).json()
}

async function deliver(orders) {
  for (let order = orders.shift(); order; order = orders.shift()) {
    await client.CreateSalesOrderAsync({ Order: erpOrder(order) }, { forever: true })
  }
}

let read = SIZE
for (let number = 1; read === SIZE; number++) {
  const orders = await page(number)
  read = orders.length
  await Promise.all(Array.from({ length: AT_ONCE }, () => deliver(orders)))
}
