// A shop order as the ERP wants it, by hand: what benchmarks/by_hand.py writes, for peers that speak JavaScript.

const address = (a) => ({
  Name: `${a.first_name} ${a.last_name}`, Street: a.address_1, City: a.city, Postcode: a.postcode,
  Country: a.country, Email: a.email, Phone: a.phone,
})

const tax = (line) => line.taxes.map((t) => ({ Rate: 19, Amount: t.total }))

const unescaped = { '&amp;': '&', '&#8211;': '–', '&quot;': '"', '&#039;': "'", '&lt;': '<', '&gt;': '>' }
const plain = (text) => text.replace(/&(?:amp|quot|lt|gt|#8211|#039);/g, (found) => unescaped[found])

const item = (line) => ({
  Kind: 'item', ItemNo: `I-${line.sku}`, Description: plain(line.name), Quantity: line.quantity,
  NetAmount: line.total, TaxAmount: line.total_tax, Tax: tax(line),
})

const delivery = (line) => ({
  Kind: 'shipping', Description: line.method_title, Quantity: 1, NetAmount: line.total,
  TaxAmount: line.total_tax, Tax: tax(line),
})

/** The content of CreateSalesOrder's `Order`. */
export const erpOrder = (order) => ({
  ExternalRef: `PEER-${order.number}`,
  ShopNumber: order.number,
  CustomerNo: `C${order.customer_id}`,
  OrderDate: order.date_created.slice(0, 10),
  Currency: order.currency,
  Status: ['processing', 'completed'].includes(order.status) ? 'paid' : 'open',
  PaymentMethod: order.payment_method,
  PaymentReference: order.transaction_id,
  BillTo: address(order.billing),
  ShipTo: address(order.shipping),
  Lines: { Line: [...order.line_items.map(item), ...order.shipping_lines.map(delivery)] },
})
