"""Replies that hold another document in a string: it takes the string's place before all rules."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from dataclasses import replace

from adapters.replies import Answer

Reader = Callable[[str], object]


def decoded(answer: Answer, decode: Mapping[str, str], readers: Mapping[str, Reader]) -> Answer:
    """Put what the strings at the paths of *decode* hold in their place.

    Blank ones stay. One that cannot be read leaves nothing in its place and the reply unclean:
    what came back is not what the profile says, so that a success is not believed.
    """
    clean = answer.clean
    for path, how in decode.items():
        *way, last = path.split(".")
        for holder in list(_holders(answer.reply, way)):
            text = holder.get(last)
            if not isinstance(text, str) or not text.strip():
                continue
            try:
                holder[last] = readers[how](text)
            except ValueError:
                holder[last], clean = None, False
    return replace(answer, clean=clean)


def _holders(tree: object, way: list[str]) -> Iterator[MutableMapping[str, object]]:
    """Every mapping at *way*, through lists."""
    if isinstance(tree, list | tuple):
        for one in tree:
            yield from _holders(one, way)
    elif isinstance(tree, MutableMapping):
        if way:
            yield from _holders(tree.get(way[0]), way[1:])
        else:
            yield tree
