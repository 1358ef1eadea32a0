"""Natural keys: equality after normalising, and when a hit is a hit; pure (D2)."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from connector.documents import Customer, Document
from connector.values import Payload, Seen


def normal(by: str, value: object) -> str:
    """One form of a natural key; blank ones become '' and never match."""
    text = unicodedata.normalize("NFKC", str(value or "")).strip()
    match by:
        case "email":
            return text.casefold()
        case "vat_number":
            return "".join(c for c in text.upper() if c.isalnum())
        case _:
            return text


def match_values(doc: Document, by: str) -> str:
    """The natural key *by* of a document, normalised; '' if it has none."""
    return normal(by, getattr(doc, by, None))


def candidates(doc: Document, by: str, hits: Sequence[Seen]) -> list[Seen]:
    """Those of *hits* that really are the same: equal key; an e-mail needs more than itself."""
    ours = match_values(doc, by)
    equal = [h for h in hits if ours and normal(by, h.there.get(by)) == ours]
    if by == "email" and isinstance(doc, Customer):
        return [h for h in equal if same_person(doc, h.there)]
    return equal


def same_person(doc: Customer, there: Payload) -> bool:
    """An e-mail alone links only with the same name or postcode."""
    return bool(traits(doc) & traits_there(there))


def traits(doc: Document) -> frozenset[str]:
    """What else tells a person from another with his e-mail: names and the postcode."""
    if not isinstance(doc, Customer):
        return frozenset()
    names = {_name(doc.first_name, doc.last_name), _words(doc.company)}
    return _tagged(names, doc.billing.postcode if doc.billing else None)


def traits_there(there: Payload) -> frozenset[str]:
    """The same of what a target's `read` gives."""
    names = {
        _name(there.get("first_name"), there.get("last_name")),
        _words(there.get("name")),
        _words(there.get("company")),
    }
    address = there.get("billing")
    return _tagged(
        names, address.get("postcode") if isinstance(address, dict) else there.get("postcode")
    )


def _tagged(names: set[str], postcode: object) -> frozenset[str]:
    tagged = {f"name:{name}" for name in names if name}
    return frozenset(tagged | ({f"postcode:{code}"} if (code := _words(postcode)) else set()))


def _name(first: object, last: object) -> str:
    return _words(f"{first or ''} {last or ''}")


def _words(text: object) -> str:
    plain = unicodedata.normalize("NFKC", str(text or ""))
    return " ".join(plain.casefold().split())
