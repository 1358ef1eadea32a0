"""Which of our fields a field of some system is likely to be, by its name and kind.

A guess for a person to accept.  Names are brought into plain words (`Sell_to_Customer_No` is `sell
to customer no`, `CardCode` is `customer code`), and a rule must fit all of them: a word that no
rule expects (`customer price group`) is another thing.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

_MEANS = {
    "no": "no nr num number nummer numero numéro",
    "id": "id identifier ident uid",
    "quantity": "quantity qty menge quantite quantité amountordered anzahl",
    "description": "description desc bezeichnung beschreibung label libelle libellé",
    "customer": "customer cust client soc kunde kunden debitor debtor thirdparty party buyer card"
    " bpartner partner businesspartner",
    "address": "address addr adresse anschrift",
    "amount": "amount amt betrag montant sum",
    "currency": "currency curr cur devise waehrung währung iso",
    "date": "date dt datum day tag jour",
    "reference": "reference ref referenz",
    "external": "external ext extern foreign fremd",
    "item": "item product article artikel material produit art prod",
    "postcode": "postcode zip zipcode plz postalcode zippostal",
    "city": "city town ort ville locality stadt",
    "street": "street strasse straße rue road",
    "tax": "tax vat tva mwst ust gst steuer",
    "price": "price preis prix",
    "net": "net netto ht",
    "gross": "gross brutto ttc",
    "phone": "phone tel telephone telefon",
    "email": "email mail emailaddress",
    "note": "note notes comment comments remark remarks memo bemerkung annotation text",
    "first": "first firstname vorname prenom prénom given givenname",
    "last": "last lastname nachname surname family familyname",
    "company": "company firm firma organisation organization societe société",
    "country": "country land pays",
    "region": "region state province county bundesland",
    "bill": "bill billing invoice invoicing rechnung bil rechnungs",
    "ship": "ship shipping delivery liefer lieferung deliver shipment",
    "payment": "payment zahlung zahlungs reglement règlement pay",
    "method": "method mode means way art type",
    "order": "order auftrag auftrags commande bestell bestellung salesorder",
    "line": "line lines position positionen row rows zeile ligne",
    "rate": "rate percent percentage prozent satz pct taux",
    "total": "total gesamt summe",
    "unit": "unit einzel stück stueck unitaire",
    "sku": "sku",
    "purchase": "purchase purch",
}
_WORD = {word: plain for plain, words in _MEANS.items() for word in words.split()}
_TWO = {
    ("e", "email"): ["email"],
    ("electronic", "address"): ["email"],
    ("mw", "st"): ["tax"],
    ("postcode", "code"): ["postcode"],
    ("post", "code"): ["postcode"],
    ("postal", "code"): ["postcode"],
    ("zip", "code"): ["postcode"],
    ("third", "customer"): ["customer"],
    ("business", "customer"): ["customer"],
    ("fk", "item"): ["item", "id"],
    ("soc", "id"): ["customer", "id"],
    ("increment", "id"): ["order", "no"],
    ("at", "customer"): ["customer", "reference"],
    ("method", "payment"): ["payment", "method"],
}
_FILLER = frozenset({"doc", "document", "sales", "header", "the", "of", "field", "cbc", "fk", "in"})
_SPLIT = re.compile(r"[A-ZÄÖÜ]+(?=[A-ZÄÖÜ][a-zäöüß])|[A-ZÄÖÜ]?[a-zäöüßéè]+|[A-ZÄÖÜ]+|\d+")
_ESCAPED = re.compile(r"_x[0-9A-Fa-f]{4}_")

FULL_NAME = "[{b}.first_name, {b}.last_name] | lines | replace('\\n', ' ') or {b}.company or '-'"
# expression, pattern over all words, kinds that it fits ('' = any)
Rule = tuple[str, str, str]
_ADDRESS: Sequence[Rule] = (
    ("{b}.first_name", "(contact )?first( name)?", "text"),
    ("{b}.last_name", "(contact )?last( name)?", "text"),
    ("{b}.company", "company( name)?", "text"),
    (FULL_NAME, "(customer |contact |full |recipient )?name( 1)?|contact( person)?", "text"),
    ("{b}.street", "(street|address)( (street|name|line))?( 1)?|line 1", "text"),
    ("{b}.city", "(address )?city( name)?", "text"),
    ("{b}.postcode", "(address )?postcode( no)?", "text"),
    ("{b}.region", "(address )?region( (name|code))?", "text"),
    ("{b}.country", "(address )?country( region)?( (code|id|iso|iso2|currency))?", "text"),
    ("{b}.email", "(contact )?email( address)?", "text"),
    ("{b}.phone", "(contact )?phone( no)?( 1)?", "text"),
)
_REFERENCE: Sequence[Rule] = (
    (
        "reference",
        "(external|web|shop|import|our) (reference|id|key|code)|reference external",
        "text",
    ),
    ("reference", "external (customer |order |item )?(id|no|code|reference)|xref", "text"),
)
_ORDER: Sequence[Rule] = (
    *_REFERENCE,
    ("doc.number", "(web|shop|online|your) (order )?(no|reference)", "text"),
    (
        "doc.number",
        "(customer )?(order )?reference|reference customer"
        "|(customer )?(purchase order|po)( form)?( no)?",
        "text",
    ),
    ("doc.number", "order no|order reference|no customer reference", "text"),
    (
        "doc.customer | there",
        "((sell|sold|order) to )?customer( (no|id|code|key|account|account no))?",
        "text integer",
    ),
    (
        "doc.placed_at",
        "(order )?date( time)?|(order |transaction )date|date order(ed)?|placed at|order at",
        "day moment text",
    ),
    ("doc.currency", "currency( (code|id|currency))?", "text"),
    ("doc.status", "(order )?(status|region)", "text integer"),
    (
        "doc.note",
        "(customer |order |public |header |additional )?note( (public|customer|1))?",
        "text",
    ),
    ("doc.payment.method", "payment method( (code|id|name))?|method payment", "text"),
    (
        "doc.payment.reference",
        "payment (reference|id|transaction id)|transaction (id|reference|no)",
        "text",
    ),
    ("doc.total_tax", "(total tax|tax)( (amount|total))?", "decimal text"),
    (
        "doc.total",
        "(grand |order )?total( (amount|gross))?|gross (total|amount)|amount total",
        "decimal text",
    ),
)
_LINE: Sequence[Rule] = (
    ("l.sku", "(item )?sku|item reference|supplier item no", "text"),
    ("l.product | there", "item( (no|id|code|key))?( item)?|no", "text integer"),
    ("l.name", "(item |line |order )?(description|name|note|order)( (1|description))?", "text"),
    ("l.quantity", "(order |ordered |line )?quantity( (order|ordered))?", "decimal integer text"),
    ("l | one_rate", "tax rate|rate tax|tax (code )?rate|rate of tax", "decimal text"),
    (
        "l | unit_net(5)",
        "(unit |net |single |item |sale )*price( (net|unit|per unit))*",
        "decimal text",
    ),
    ("l.tax", "(line |total )?tax( amount| total)?|amount tax", "decimal text"),
    (
        "l.net",
        "(line )?(net amount|amount( net)?|total net|net|net total|total|sub total)",
        "decimal text",
    ),
)
_CUSTOMER: Sequence[Rule] = (
    *_REFERENCE,
    ("doc.email", "(customer )?email( address)?( 1)?", "text"),
    ("doc.first_name", "(customer |contact )?first( name)?", "text"),
    ("doc.last_name", "(customer |contact )?last( name)?", "text"),
    ("doc.company", "company( name)?", "text"),
    (FULL_NAME.format(b="doc"), "(customer |full |search )?name( 1)?", "text"),
    ("doc.phone", "(customer )?phone( no)?( 1)?", "text"),
    ("doc.vat_number", "(federal )?tax( registration| reg)? (no|id)|tax id no", "text"),
    *tuple((e.format(b="doc.billing"), pattern, kinds) for e, pattern, kinds in _ADDRESS[4:9]),
)
_PRODUCT: Sequence[Rule] = (
    ("doc.sku", "sku|item (no|code|reference|sku)|no|reference|code", "text"),
    ("doc.name", "(item )?(name|description|label)( 1)?|title", "text"),
    ("doc.description", "description", "text"),
    ("doc.description", "(item )?(long (description|note)|description 2|note)", "text"),
    ("doc.price", "(unit |net |sale |sales |item |list )*price( (net|amount))*", "decimal text"),
    ("doc.currency", "currency( code)?", "text"),
    ("doc.weight", "(net |gross )?weight( (net|kg))?", "decimal text"),
    ("doc.status", "status|active", "text boolean"),
)
_TAX: Sequence[Rule] = (
    ("t.rate", "(tax )?rate", "decimal text"),
    ("t.tax", "(tax )?amount|tax", "decimal text"),
)
_FLAT: Sequence[Rule] = tuple(  # an order that holds its address itself
    (expr.format(b="doc.billing"), pattern, kinds) for expr, pattern, kinds in _ADDRESS
)
# What a record says of itself; a record that is written gets these from the system.
_OWN: Mapping[str, Sequence[Rule]] = {
    "order": (("doc.number", "(order )?no", "text integer"),),
    "customer": (("doc.number", "(customer )?(no|code|id)", "text integer"),),
    "product": (),
}
_READ: Sequence[Rule] = (
    ("doc.placed_at", "date created( gmt)?|created( (at|on|date|gmt))?|(order )?placed at", ""),
    ("doc.modified_at", "(date )?(modified|changed|updated)( (at|on|date|gmt))?", ""),
    ("doc.modified_at", "(last )?(date )?(modified|changed)( date)?|(update|change) date", ""),
    ("doc.paid_at", "(date )?(paid|payment)( (at|on|date|gmt))|payment date", ""),
)
_ROOTS: Mapping[str, Sequence[Rule]] = {
    "order": (*_ORDER, *_FLAT),
    "customer": _CUSTOMER,
    "product": _PRODUCT,
}


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field stands: *rules* of its surroundings, *base* of an address."""

    entity: str
    rules: Sequence[Rule]
    base: str = ""


def root(entity: str, *, reading: bool = False) -> Place:
    """The top of a document; *reading*: of one that a system gives."""
    rules = tuple(_ROOTS.get(entity, ()))
    if reading:
        times = _READ if entity == "order" else _READ[1:3]
        rules = (*times, *rules, *_OWN.get(entity, ()))
    return Place(entity, rules)


def below(place: Place, name: str) -> Place:
    """The surroundings inside the member *name*."""
    words = plain(name)
    base = _base_of(place.entity, words)
    if base is not None:
        return Place(place.entity, _address(base), base)
    return place


def lines_of(place: Place, *, reading: bool = False) -> Place:
    """The surroundings inside one line of an order."""
    own: Sequence[Rule] = (("l.key", "(line )?(id|key|no)", "text integer"),) if reading else ()
    return Place(place.entity, (*_LINE, *own), "l")


def is_id(name: str, entity: str) -> bool:
    """Whether a field of this name is the system's own id of a record."""
    words = set(plain(name).split())
    own = {"order": "order", "customer": "customer", "product": "item", "stock": "item"}
    return bool(words & {"no", "id", "key", "code", "account"}) and words <= {
        *("no", "id", "key", "code", "own"),
        *("result", "return", "account"),
        own.get(entity, entity),
    }


def taxes_of(place: Place) -> Place:
    """The surroundings inside one tax of a line."""
    return Place(place.entity, _TAX, "t")


def likely(place: Place, name: str, kind: str, taken: Collection[str] = ()) -> str | None:
    """Return the expression over our document that the field *name* is likely to be."""
    words = plain(name)
    found = _ruled(place.rules, words, kind, taken)
    if found is not None or place.base:
        return found
    prefix = re.match(r"(bill|ship|sell|sold)( to)? (?=\S)", words)
    if prefix is not None and place.entity in ("order", "customer"):
        base = "doc.shipping" if prefix[1] == "ship" else "doc.billing"
        return _ruled(_address(base), words[prefix.end() :], kind, taken)
    return None


def assigned(place: Place, kinds: Mapping[str, str]) -> dict[str, str]:
    """Give each name of one group its likeliest expression, each expression to one name.

    Of code, id and text of one thing the likeliest has it; the others get their next best.  A full
    name may stand twice (name and contact), and so may what is said of two parties.
    """
    kept: dict[str, str] = {}
    taken: set[str] = set()
    for _ in range(3):
        left = {n: likely(place, n, k, taken) for n, k in kinds.items() if n not in kept}
        found = [(n, e) for n, e in left.items() if e is not None]
        marks: set[tuple[str, str]] = set()
        for name, expression in sorted(found, key=lambda pair: _rank(*pair)):
            party = re.match(r"(bill|ship|sell|sold)\b", plain(name))
            mark = (expression, party[0] if party else "")
            if expression.startswith("[") or mark not in marks:
                kept[name] = expression
                marks.add(mark)
        taken |= {expression for expression in kept.values() if not expression.startswith("[")}
    return kept


def _rank(name: str, expression: str) -> tuple[int, int]:
    words = plain(name).split()
    better = {"code", "unit", "net", "order", "name", "description"} & set(words)
    if expression.startswith("doc.name"):
        better -= {"description"}
    worse = {"id"} & set(words) if "there" not in expression else set()
    return len(worse) - len(better), len(words)


def plain(name: str) -> str:
    """Bring a name into plain words."""
    parts = [w.lower() for w in _SPLIT.findall(_ESCAPED.sub("_", name))]
    words = [word for part in parts for word in _parted(part)]
    for n in range(len(words) - 1, 0, -1):
        if (two := _TWO.get((words[n - 1], words[n]))) is not None:
            words[n - 1 : n + 1] = two
    kept = [word for word in words if word not in _FILLER]
    return " ".join(kept or words)


def _parted(word: str) -> list[str]:
    """Take a compound apart, if all of it is known: auftragsdatum, unitprice."""
    if word in _WORD:
        return [_WORD[word]]
    for cut in range(len(word) - 2, 2, -1):
        first, rest = word[:cut], word[cut:]
        head = next((_WORD[f] for f in (first, first.rstrip("s")) if f in _WORD), None)
        if head is not None and rest in _WORD:
            return [head, _WORD[rest]]
    return [word]


def _base_of(entity: str, words: str) -> str | None:
    """Which address of ours a branch is."""
    if re.fullmatch(r"(bill|sell|sold)( to)?( (customer|address|customer address))?", words):
        return "doc.billing"
    if re.fullmatch(r"ship( to)?( (customer|address|customer address))?", words):
        return "doc.shipping"
    if entity == "customer" and re.fullmatch(r"(main |customer |default )?address", words):
        return "doc.billing"
    return None


@cache
def _address(base: str) -> tuple[Rule, ...]:
    return tuple((expr.format(b=base), pattern, kinds) for expr, pattern, kinds in _ADDRESS)


def _ruled(rules: Sequence[Rule], words: str, kind: str, taken: Collection[str]) -> str | None:
    for expression, pattern, kinds in rules:
        fits = not kinds or kind in kinds.split()
        if fits and expression not in taken and re.fullmatch(pattern, words):
            return expression
    return None
