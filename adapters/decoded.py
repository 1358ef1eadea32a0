"""Replies that hold another document in a string: it takes the string's place before all rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import replace
from typing import NoReturn

from adapters.replies import Answer
from connector.errors import FieldErrors, FieldFault

Reader = Callable[[str], object]


class Torn(Mapping[str, object]):
    """What stands where a document cannot be read: whoever asks what it says is not answered.

    Were it nothing, a rule would conclude from what the document seems to lack.
    """

    def __getitem__(self, name: str) -> object:
        return self._unsaid()

    def __iter__(self) -> Iterator[str]:
        return self._unsaid()

    def __len__(self) -> int:
        return self._unsaid()

    def __contains__(self, name: object) -> bool:
        return self._unsaid()

    def __eq__(self, other: object) -> bool:
        return self._unsaid()

    def __str__(self) -> str:
        return self._unsaid()

    __hash__ = None  # type: ignore[assignment]

    def _unsaid(self) -> NoReturn:
        raise FieldErrors((FieldFault("decode", "unparseable", "it holds no document"),))


def decoded(answer: Answer, decode: Mapping[str, str], readers: Mapping[str, Reader]) -> Answer:
    """Put what the strings at the paths of *decode* hold in their place.

    One that cannot be read leaves the reply torn: what came back is not what the profile says, so
    that a success is not believed, and no rule hears what it says.  Blank ones stay.  Only an XML
    document says `none` by what it leaves out: a list without rows has no other way.
    """
    torn, vague = answer.torn, answer.vague
    for path, how in decode.items():
        for holder, last in list(_holders(answer.reply, path.split("."))):
            text = holder[last]
            if not isinstance(text, str) or not text.strip():
                vague = True
                continue
            try:
                holder[last] = found = readers[how](text)
            except ValueError:
                holder[last], torn = Torn(), True
                continue
            vague = vague or how != "xml" or not (isinstance(found, Mapping) or found == "")
    return replace(answer, clean=answer.clean and not torn, torn=torn, vague=vague)


def _holders(tree: object, way: list[str]) -> Iterator[tuple[MutableMapping[str, object], str]]:
    """Every mapping at *way*, through lists, and the name in it; where nothing is on it, that."""
    if isinstance(tree, list | tuple):
        for one in tree:
            yield from _holders(one, way)
    elif isinstance(tree, MutableMapping) and way[0] in tree:
        name, *rest = way
        if not rest or tree[name] in (None, ""):
            yield tree, name
        else:
            yield from _holders(tree[name], rest)
