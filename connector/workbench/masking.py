"""Masks for personal data: what is not known to be harmless is masked, equal words equally.

Letters become letters and digits digits, so that lengths, forms and alphabets stay; an e-mail
address stays one and ends in `.example`.  The masks depend on a secret of the installation:
without it a short word cannot be found again by trying.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connector.values import Payload, Tree

_PERSONAL = re.compile(
    r"name|mail|phone|tel\b|fax|mobil|street|addr|city|town|post(al)?_?code|zip|company|vat|iban|bic"
    r"|account|birth|\bip\b|_ip|agent|note|comment|remark|message|contact|user|login|transaction"
    r"|payment_?ref|signature|order_?key|token|secret|customer$|person|owner|tax_?(id|no|nr|number)$"
    r"|national|passport|social_?sec|licen[cs]e|card_?n|plz|\bdob\b|_dob|born|house_?n|statement",
    re.IGNORECASE,
)
_HARMLESS = re.compile(
    r"(^|_|(?<=[a-z]))(id|no|nr|number|code|key|sku|ref|reference|version|status|state|type|kind"
    r"|currency|country|unit|uom|method|rate|class|lang|language|warehouse|role)$",
    re.IGNORECASE,
)
_NUMBER_OR_TIME = re.compile(  # more digits without a point could be a telephone or an account
    r"[+-]?\d{1,6}([.,]\d+)?|true|false"
    r"|\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?"
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(\.[\w-]+)+")
_HOST = re.compile(r"(?<=://)[\w-]+(\.[\w-]+)+")
_KEPT = re.compile(  # `<lisa@…>` is no tag, and nobody is an entity
    r"&(?:#x?[0-9a-fA-F]{1,6}|amp|lt|gt|quot|apos|nbsp|[a-zA-Z]{1,2}(?:uml|lig|acute|grave|circ));"
    r"|\w+(?=://)"
    r"|</?(?:a|b|br|div|em|h\d|i|img|li|ol|p|span|strong|table|td|th|tr|u|ul)(?=[\s/>])"
)
_CODE = re.compile(r"[^\s@]*")  # what stands under a harmless name is one word, and no address
_WORD = re.compile(r"[^\W\d_]+|\d+")
_FOREIGN = "äöüßéèñçåøłšžčő"
_SHORT_CODE = re.compile(r"country|region|state|currency|lang", re.IGNORECASE)
_LONGEST_CODE = 5
_LEAST = 4  # letters of a word that is looked for in what was kept


@dataclass(slots=True)
class Mask:
    """One secret, and the words that were masked with it. *known*: words of the mapping itself."""

    secret: bytes = field(repr=False)
    known: frozenset[str] = frozenset()
    words: set[str] = field(default_factory=set, repr=False)

    def payload(self, payload: Payload) -> Payload:
        """Return *payload* masked; a word that was masked once is masked wherever it stands."""
        self._tree(payload, "", again=False)
        masked = self._tree(payload, "", again=True)
        return masked if isinstance(masked, Mapping) else {}

    def _tree(self, tree: Tree, key: str, *, again: bool) -> Tree:
        if isinstance(tree, Mapping):
            named = _named(tree)  # {key: _billing_phone, value: …}
            return {
                (self.text(name) if _MAIL.search(name) else name): self._tree(
                    child, named if name == "value" else name, again=again
                )
                for name, child in tree.items()
            }
        if isinstance(tree, list | tuple):
            return [self._tree(child, key, again=again) for child in tree]
        if isinstance(tree, str):
            return self._text(tree, key, again=again)
        if isinstance(tree, int | Decimal) and not isinstance(tree, bool):
            masked = self._text(format(Decimal(tree), "f"), key, again=again)
            return Decimal(masked) if isinstance(tree, Decimal) else int(masked)
        return tree

    def _text(self, value: str, key: str, *, again: bool) -> str:
        if value in self.known or not value.strip():
            return value
        if again and any(word in self.words for word in _words(value)):
            return self.text(value)
        harmless = _NUMBER_OR_TIME.fullmatch(value) or (
            _HARMLESS.search(key) and _CODE.fullmatch(value)
        )
        if _SHORT_CODE.search(key) and len(value) <= _LONGEST_CODE:
            return value
        if harmless and not _personal(key):
            return value
        self.words |= set(_words(value))
        return self.text(value)

    def text(self, value: str) -> str:
        """Mask every word of *value*."""
        kept: list[tuple[int, int]] = [m.span() for m in _KEPT.finditer(value)]
        ends = [m.end() for found in (_MAIL, _HOST) for m in found.finditer(value)]
        made, at = [], 0
        for word in _WORD.finditer(value):
            begin, end = word.span()
            made.append(value[at:begin])
            if any(a <= begin and end <= b for a, b in kept):
                made.append(word[0])
            elif end in ends and not word[0].isdigit():
                made.append("example")
            else:
                made.append(self._word(word[0]))
            at = end
        return "".join([*made, value[at:]])

    def _word(self, word: str) -> str:
        for turn in range(8):
            stream = self._stream(f"{turn}:{word.casefold()}")
            masked = "".join(_like(char, next(stream), n) for n, char in enumerate(word))
            if masked != word:
                return masked
        return masked

    def _stream(self, word: str) -> Iterator[int]:
        block = 0
        while True:
            yield from hmac.digest(self.secret, f"{block}:{word}".encode(), hashlib.sha256)
            block += 1


def _named(tree: Mapping[str, Tree]) -> str:
    name = tree.get("key", tree.get("name"))
    return name if isinstance(name, str) else "value"


def _personal(key: str) -> bool:
    return _PERSONAL.search(key) is not None


def _words(value: str) -> list[str]:
    return [w.casefold() for w in re.findall(r"[^\W\d_]+", value) if len(w) >= _LEAST]


def _like(char: str, byte: int, place: int) -> str:
    """A character of the same kind: digit, letter, capital, letter of another alphabet."""
    if char.isdigit() and char.isascii():
        return str(1 + byte % 9) if place == 0 and char != "0" else str(byte % 10)
    if char.isascii():
        made = chr(ord("a") + byte % 26)
    elif char >= "\u2e80":
        return chr(0x4E00 + byte * 20)
    else:
        made = _FOREIGN[byte % len(_FOREIGN)]
    return made.upper() if char.isupper() and len(made.upper()) == 1 else made
