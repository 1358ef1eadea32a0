"""What a person would map each field to, labelled by hand before the guesses were looked at.

`expression` or several that are as good; a field that is not here should be left alone. BILL and
SHIP stand for the two addresses; NAME is a full name.
"""

from __future__ import annotations

NAME = "NAME"
BILL, SHIP = "doc.billing", "doc.shipping"
Gold = dict[str, str | tuple[str, ...]]
OURS = ("reference", "doc.number")

# file (of tests/ or connector/), operation, entity, labels
LABELS: list[tuple[str, str, str, Gold]] = [
    ("workbench/strangers.wsdl", "AddOrder", "order", {
        "CardCode": "doc.customer | there", "NumAtCard": OURS, "DocDate": "doc.placed_at",
        "DocCurrency": "doc.currency", "DocTotal": "doc.total", "Comments": "doc.note",
        "PaymentMethod": "doc.payment.method",
        "DocumentLines.DocumentLine.ItemCode": ("l.product | there", "l.sku"),
        "DocumentLines.DocumentLine.ItemDescription": "l.name",
        "DocumentLines.DocumentLine.Quantity": "l.quantity",
        "DocumentLines.DocumentLine.Price": "l | unit_net(5)",
        "DocumentLines.DocumentLine.LineTotal": "l.net",
    }),
    ("workbench/strangers.wsdl", "Create", "order", {
        "Sell_to_Customer_No": "doc.customer | there", "External_Document_No": OURS,
        "Order_Date": "doc.placed_at", "Currency_Code": "doc.currency",
        "Payment_Method_Code": "doc.payment.method",
        "Bill_to_Name": (f"{BILL}.{NAME}", f"{BILL}.company"), "Bill_to_Address": f"{BILL}.street",
        "Bill_to_Post_Code": f"{BILL}.postcode", "Bill_to_City": f"{BILL}.city",
        "Ship_to_Name": (f"{SHIP}.{NAME}", f"{SHIP}.company"), "Ship_to_Address": f"{SHIP}.street",
        "Ship_to_Post_Code": f"{SHIP}.postcode", "Ship_to_City": f"{SHIP}.city",
        "Ship_to_Country_Region_Code": f"{SHIP}.country",
        "SalesLines.Sales_Order_Line.No": ("l.product | there", "l.sku"),
        "SalesLines.Sales_Order_Line.Description": "l.name",
        "SalesLines.Sales_Order_Line.Quantity": "l.quantity",
        "SalesLines.Sales_Order_Line.Unit_Price": "l | unit_net(5)",
        "SalesLines.Sales_Order_Line.Line_Amount": "l.net",
    }),
    ("workbench/strangers.wsdl", "AuftragAnlegen", "order", {
        "FremdReferenz": OURS, "KundenNr": "doc.customer | there", "Auftragsdatum": "doc.placed_at",
        "Waehrung": "doc.currency", "Zahlungsart": "doc.payment.method", "Bemerkung": "doc.note",
        "Rechnungsadresse.Firma": f"{BILL}.company",
        "Rechnungsadresse.Vorname": f"{BILL}.first_name",
        "Rechnungsadresse.Nachname": f"{BILL}.last_name",
        "Rechnungsadresse.Strasse": f"{BILL}.street",
        "Rechnungsadresse.Plz": f"{BILL}.postcode", "Rechnungsadresse.Ort": f"{BILL}.city",
        "Rechnungsadresse.Land": f"{BILL}.country",
        "Position.ArtikelNr": ("l.product | there", "l.sku"), "Position.Bezeichnung": "l.name",
        "Position.Menge": "l.quantity", "Position.Einzelpreis": "l | unit_net(5)",
        "Position.MwStSatz": "l | one_rate",
    }),
    ("workbench/strangers.wsdl", "order_add", "order", {
        "ref_ext": OURS, "socid": "doc.customer | there", "date": "doc.placed_at",
        "status": "doc.status", "note_public": "doc.note", "total_vat": "doc.total_tax",
        "total_ttc": "doc.total", "mode_reglement_code": "doc.payment.method",
        "lines.line.fk_product": "l.product | there", "lines.line.desc": "l.name",
        "lines.line.qty": "l.quantity", "lines.line.unitprice": "l | unit_net(5)",
        "lines.line.vat_rate": "l | one_rate",
    }),
    ("workbench/strangers.wsdl", "SaveBusinessPartner", "customer", {
        "ExternalId": "reference", "Name": f"doc.{NAME}", "EmailAddress": "doc.email",
        "Phone1": "doc.phone", "FederalTaxID": "doc.vat_number",
        "MainAddress.AddressLine1": f"{BILL}.street", "MainAddress.ZipCode": f"{BILL}.postcode",
        "MainAddress.City": f"{BILL}.city", "MainAddress.County": f"{BILL}.region",
        "MainAddress.CountryCode": f"{BILL}.country",
    }),
    ("workbench/strangers.wsdl", "UpsertMaterial", "product", {
        "MaterialNumber": "doc.sku", "Description": "doc.name", "SalesPrice": "doc.price",
        "CurrencyCode": "doc.currency", "NetWeight": "doc.weight", "LongText": "doc.description",
    }),
    ("workbench/acme.wsdl", "Save", "order", {
        "Reference": OURS, "Customer": "doc.customer | there", "Day": "doc.placed_at",
        "Note": "doc.note", "Line.Item": "l.product | there", "Line.Quantity": "l.quantity",
        "Line.Price": "l | unit_net(5)",
    }),
    ("../connector/sandbox/erp.wsdl", "CreateSalesOrder", "order", {
        "ExternalRef": "reference", "ShopNumber": "doc.number",
        "CustomerNo": "doc.customer | there",
        "OrderDate": "doc.placed_at", "Currency": "doc.currency", "Status": "doc.status",
        "PaymentMethod": "doc.payment.method", "PaymentReference": "doc.payment.reference",
        "Note": "doc.note",
        **{f"{a}.{f}": f"{b}.{o}" for a, b in (("BillTo", BILL), ("ShipTo", SHIP)) for f, o in (
            ("Name", NAME), ("Company", "company"), ("Street", "street"), ("City", "city"),
            ("Postcode", "postcode"), ("Region", "region"), ("Country", "country"),
            ("Email", "email"), ("Phone", "phone"))},
        "Lines.Line.ItemNo": "l.product | there", "Lines.Line.Description": "l.name",
        "Lines.Line.Quantity": "l.quantity", "Lines.Line.NetAmount": "l.net",
        "Lines.Line.TaxAmount": "l.tax", "Lines.Line.Tax.Rate": "t.rate",
        "Lines.Line.Tax.Amount": "t.tax",
    }),
    ("../connector/sandbox/erp.wsdl", "CreateCustomer", "customer", {
        "ExternalRef": "reference", "Name": f"doc.{NAME}", "Company": "doc.company",
        "Email": "doc.email", "Phone": "doc.phone", "VatNumber": "doc.vat_number",
        **{f"Address.{f}": f"{BILL}.{o}" for f, o in (
            ("Name", NAME), ("Company", "company"), ("Street", "street"), ("City", "city"),
            ("Postcode", "postcode"), ("Region", "region"), ("Country", "country"),
            ("Email", "email"), ("Phone", "phone"))},
    }),
]  # fmt: skip

# Contracts of systems that exist, where they are at hand.
REAL: list[tuple[str, str, str, Gold]] = [
    ("dolibarr/server_order.wsdl", "createOrder", "order", {
        "ref_ext": OURS, "ref_client": OURS, "thirdparty_id": "doc.customer | there",
        "status": "doc.status", "date": "doc.placed_at", "note_public": "doc.note",
        "total_vat": "doc.total_tax", "total": "doc.total", "total_net": (),
        "mode_reglement_code": "doc.payment.method",
        "lines.line.product_id": "l.product | there", "lines.line.product_ref": "l.sku",
        "lines.line.desc": "l.name", "lines.line.product_label": "l.name",
        "lines.line.qty": "l.quantity", "lines.line.unitprice": "l | unit_net(5)",
        "lines.line.vat_rate": "l | one_rate", "lines.line.total_net": "l.net",
        "lines.line.total_vat": "l.tax",
    }),
    ("dolibarr/server_thirdparty.wsdl", "createThirdParty", "customer", {
        "ref_ext": OURS, "ref": f"doc.{NAME}", "address": f"{BILL}.street",
        "zip": f"{BILL}.postcode",
        "town": f"{BILL}.city", "country_code": f"{BILL}.country", "phone": "doc.phone",
        "email": "doc.email", "vat_number": "doc.vat_number", "note_public": (),
    }),
    ("nav/SalesOrder.wsdl", "Create", "order", {
        "Sell_to_Customer_No": "doc.customer | there", "Order_Date": "doc.placed_at",
        "Document_Date": "doc.placed_at", "Currency_Code": "doc.currency",
        "Payment_Method_Code": "doc.payment.method",
        **{f"{p}_to_{f}": f"{b}.{o}" for p, b in (("Bill", BILL), ("Ship", SHIP)) for f, o in (
            ("Name", NAME), ("Address", "street"), ("Post_Code", "postcode"), ("City", "city"),
            ("Contact", NAME))},
        "Sell_to_Customer_Name": f"{BILL}.{NAME}", "Sell_to_Address": f"{BILL}.street",
        "Sell_to_Post_Code": f"{BILL}.postcode", "Sell_to_City": f"{BILL}.city",
        "Sell_to_Contact": f"{BILL}.{NAME}",
        "Additional_Notes": "doc.note", "First_Name": f"{BILL}.first_name",
        "Last_Name": f"{BILL}.last_name",
        "SalesLines.Sales_Order_Line.No": ("l.product | there", "l.sku"),
        "SalesLines.Sales_Order_Line.Description": "l.name",
        "SalesLines.Sales_Order_Line.Quantity": "l.quantity",
        "SalesLines.Sales_Order_Line.Unit_Price": "l | unit_net(5)",
        "SalesLines.Sales_Order_Line.Line_Amount": "l.net",
    }),
    ("nav/Customer.wsdl", "Create", "customer", {
        "Name": f"doc.{NAME}", "Address": f"{BILL}.street", "Post_Code": f"{BILL}.postcode",
        "City": f"{BILL}.city", "Country_Region_Code": f"{BILL}.country", "Phone_No": "doc.phone",
        "E_Mail": "doc.email", "VAT_Registration_No": "doc.vat_number",
    }),
]  # fmt: skip


def matches(guess: str | None, label: str | tuple[str, ...]) -> bool:
    """Whether a guess is one of the right answers."""
    if guess is None:
        return False
    short = guess
    for base in ("doc.billing", "doc.shipping", "doc"):
        if guess.startswith(f"[{base}.first_name"):
            short = f"{base}.{NAME}"
    return short in ((label,) if isinstance(label, str) else label)
