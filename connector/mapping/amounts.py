"""The filters that calculate: exact, half-up, no cent lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from msgspec.structs import asdict

from connector.documents.fields import Part
from connector.mapping.faults import Fault, Missing
from connector.values import FARTHEST


def own(value: Any) -> Any:
    """Return what an element of XML says beside its attributes; all else as it is."""
    return value["$value"] if isinstance(value, Mapping) and "$value" in value else value


def number(value: object) -> Decimal:
    """Return *value* as an exact number; a Fault if it is none."""
    value = own(value)
    if isinstance(value, bool) or not isinstance(value, (str, int, Decimal)):
        raise Fault("not_a_number", "give it a number")
    try:
        exact = Decimal(value)
    except InvalidOperation:
        exact = Decimal("NaN")
    if not exact.is_finite() or abs(exact.adjusted()) > FARTHEST:
        raise Fault("not_a_number", "give it a number with a point, without thousands marks")
    return exact


def rounded(value: object, places: object = 2) -> Decimal:
    """Round half-up to *places* decimals."""
    unit = Decimal(1).scaleb(-int(number(places)))
    try:
        return number(value).quantize(unit, ROUND_HALF_UP)
    except InvalidOperation:
        raise Fault("not_a_number", "it has more digits than any amount") from None


def dec(value: object, places: object = None) -> Decimal:
    """Return the exact number, rounded half-up if *places* is given."""
    return number(value) if places is None else rounded(value, places)


def negate(value: object) -> Decimal:
    """Return the number with the other sign."""
    return -number(value)


def summed(value: object, name: object) -> Decimal:
    """Add up a member of rows; null counts nothing, a member that is not there is a fault."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Fault("wrong_type", "give it a list: taxes | sum('tax')")
    rows = [members(row) for row in value]
    if any(name not in row for row in rows):
        raise Missing(str(name))
    given = [row[str(name)] for row in rows]
    return sum((number(one) for one in given if one not in (None, "")), Decimal(0))


def members(value: object) -> Mapping[str, Any]:
    """Return the members of a part of a document or of a mapping."""
    if type(value) is dict:
        return value
    if isinstance(value, Part):
        return asdict(value)
    if isinstance(value, Mapping):
        return value
    raise Fault("wrong_type", "give it a line of a document")


def unit_net(value: object, places: object = 5) -> Decimal:
    """Return net / quantity, discounts folded in; a line without quantity counts as one."""
    line = members(value)
    quantity = number(line.get("quantity", 1))
    if quantity == 0:
        raise Fault("no_quantity", "a line of quantity 0 has no unit price")
    return rounded(number(line.get("net")) / quantity, places)


def one_rate(value: object) -> Decimal:
    """Return the only tax rate of a line, shares of nothing aside; 0 for an untaxed line."""
    shares = _shares(value)
    rates = {number(s["rate"]) for s in shares if number(s["tax"]) != 0}
    rates = rates or {number(s["rate"]) for s in shares}
    if len(rates) > 1:
        raise Fault("several_rates", "split the line with `| by_rate`")
    if rates:
        return rates.pop()
    if number(members(value).get("tax", 0)) != 0:
        raise Fault("no_rate", "the line has tax but the source names no rate for it")
    return Decimal(0)


def by_rate(value: object) -> list[Mapping[str, Any]]:
    """Split every line by its tax rates; net and tax of the pieces add up to the line's."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Fault("wrong_type", "give it a list of lines")
    return [piece for line in value for piece in _pieces(line)]


def cents(value: object, places: object = 5) -> list[Mapping[str, Any]]:
    """Return what a document's total has beyond the rounded lines of a system that counts anew.

    Such a system takes quantity, unit price of *places* decimals and rate, and rounds each line
    with its tax: what its net leaves of that is the tax. It is nothing, or one charge to be booked
    openly; more than a cent for each line is no rounding, and is left out.
    """
    doc = members(value)
    delivered = [*by_rate(doc.get("shipping_lines") or ()), *by_rate(doc.get("fees") or ())]
    charges = [members(one) for one in (*(doc.get("lines") or ()), *delivered)]
    try:
        rest = number(doc["total"]) - sum((_counted(one, places) for one in charges), Decimal(0))
    except Fault:
        return []  # told at the line itself
    if rest == 0 or abs(rest) > len(charges) * Decimal("0.01"):
        return []
    return [{"net": rest, "tax": Decimal(0), "taxes": ()}]


def _counted(line: Mapping[str, Any], places: object) -> Decimal:
    net = number(line.get("quantity", 1)) * unit_net(line, places)
    return rounded(net * (100 + one_rate(line)) / 100)


def _shares(line: object) -> list[Mapping[str, Any]]:
    return [members(share) for share in members(line).get("taxes") or ()]


def _pieces(line: object) -> list[Mapping[str, Any]]:
    whole = members(line)
    shares = [s for s in _shares(line) if number(s["tax"]) != 0]
    if len(shares) < 2 or any(number(s["rate"]) == 0 for s in shares):
        return [whole]
    weights = [number(s["tax"]) / number(s["rate"]) for s in shares]
    if (weight := sum(weights, Decimal(0))) == 0:
        raise Fault("several_rates", "taxes that cancel out cannot be split: book it by hand")
    net, tax = number(whole["net"]), number(whole["tax"])
    nets = [rounded(net * w / weight) for w in weights]
    taxes = [number(s["tax"]) for s in shares]
    largest = max(range(len(shares)), key=lambda n: abs(weights[n]))
    nets[largest] += net - sum(nets, Decimal(0))
    taxes[largest] += tax - sum(taxes, Decimal(0))
    return [
        {**whole, "net": n, "tax": t, "taxes": ({"rate": number(s["rate"]), "tax": t},)}
        for n, t, s in zip(nets, taxes, shares, strict=True)
    ]
