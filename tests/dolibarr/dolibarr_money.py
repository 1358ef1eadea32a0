"""What Dolibarr's services do with invoices and payments: they check little, and tell less."""

from __future__ import annotations

import re
from decimal import Decimal

from nusoap import Told

OK = {"result_code": "OK", "result_label": ""}


def no(code, label=""):
    """The result of a refusal."""
    return {"result_code": code, "result_label": label}


class Money:
    """The part of the books with invoices and payments; `rows`, `_find`, `_line` are theirs."""

    def __init__(self):
        self.rows["invoice"] = {}
        self.payments = []  # (invoice id, amount, mode, number)

    def _getInvoice(self, refused, id_="", ref="", ref_ext=""):  # noqa: N802
        if refused is None and not self.rights:
            refused = no("PERMISSION_DENIED", "no right")
        result, found = (refused, []) if refused else self._find("invoice", id_, ref, ref_ext)
        return Told({"result": result, "invoice": self._invoice_shown(found[0]) if found else None})

    def _invoice_shown(self, row):
        lines = [{"id": str(n), "type": one["type"], "desc": one["desc"], "qty": one["qty"],
                  "vat_rate": one["vat_rate"], "unitprice": one["unitprice"],
                  "product_id": one["product_id"], "total_net": one["net"]}
                 for n, one in enumerate(row.get("lines", ()), 1)]  # fmt: skip
        return {**{k: v for k, v in row.items() if k != "lines"}, "lines": lines}

    def _createInvoice(self, refused, invoice=None):  # noqa: N802
        """It asks for no right, and a reference may be there twice."""
        invoice = invoice or {}
        lines = (invoice.get("lines") or {}).get("line") or []
        lines = lines if isinstance(lines, list) else [lines]
        wrong = {
            "Invoice id or ref or ref_ext is mandatory.": not invoice.get("ref_ext"),
            "a foreign key constraint fails (`llx_facture`)": invoice.get("thirdparty_id")
            not in self.rows["thirdparty"],
            "ErrorBadParameter date": not re.match(r"\d{4}-\d\d-\d\d", invoice.get("date") or ""),
        }
        label = next((label for label, holds in wrong.items() if holds), None)
        if refused is None and label:
            refused = no("KO", label)
        if refused:
            return Told({"result": refused, "id": None, "ref": None, "ref_ext": None})
        row = self._invoiced(invoice, [self._line(one) for one in lines])
        told = {name: row[name] for name in ("id", "ref", "ref_ext")}
        return Told({"result": OK, **told})

    def _invoiced(self, invoice, lines):
        number = str(len(self.rows["invoice"]) + 1)
        net, vat = (sum((Decimal(o[k]) for o in lines), Decimal(0)) for k in ("net", "vat"))
        valid = str(invoice.get("status")) == "1"
        row = {
            "id": number, "ref": f"IN2611-{int(number):04}" if valid else f"(PROV{number})",
            "ref_ext": invoice["ref_ext"], "thirdparty_id": invoice["thirdparty_id"],
            "date": invoice["date"][:10], "type": invoice.get("type") or "0",
            "total_net": f"{net:.8f}", "total_vat": f"{vat:.8f}", "total": f"{net + vat:.8f}",
            "note_private": invoice.get("note_private") or "", "status": "1" if valid else "0",
            "close_code": "", "lines": lines,
        }  # fmt: skip
        self.rows["invoice"][number] = row
        return row

    def _createPayment(self, refused, payment=None):  # noqa: N802
        """Neither the invoice's state nor its rest is looked at; paid to the cent it is closed."""
        payment = payment or {}
        if refused is None and not payment.get("amount") and not payment.get("thirdparty_id"):
            refused = no("KO", "You must specify the amount and the third party's ID.")
        if refused:
            return Told({"result": refused, "id": None, "ref": None, "ref_ext": None})
        names = ("invoice_id", "amount", "payment_mode_id", "num_payment")
        self.payments.append(tuple(payment.get(name) for name in names))
        row = self.rows["invoice"].get(payment.get("invoice_id"))
        if row is not None:
            paid = sum((Decimal(p[1]) for p in self.payments if p[0] == row["id"]), Decimal(0))
            row["status"] = "2" if paid == Decimal(row["total"]) else row["status"]
        told = {"id": str(len(self.payments)), "ref": None, "ref_ext": None}
        return Told({"result": OK, **told})
