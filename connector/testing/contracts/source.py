"""What every `Source` promises."""

# ruff: noqa: S101 - these are tests

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Literal, Protocol

import pytest

from connector.errors import Truncated, Unauthorized, Unavailable
from connector.ledger.staging import later
from connector.ports import Care, Source
from connector.testing.contracts.exceptions import Contract
from connector.values import Broken, Item, Page, Tombstone

Trouble = Literal["away", "denied", "broken_off"]


class Origin(Protocol):
    """The system behind a source, empty at first, and a hand that changes it.

    *source* reads two rows a page; `trouble` may replace it.
    """

    source: Source
    entity: str

    def have(self, count: int) -> list[str]:
        """Make *count* documents there; their keys, in the order in which they were made."""
        ...

    def change(self, key: str) -> None:
        """Change one of them."""
        ...

    def lose(self, key: str) -> None:
        """Take one away."""
        ...

    def pause(self) -> datetime:
        """Let time pass there; a moment after all that was, before all that comes."""
        ...

    def trouble(self, kind: Trouble) -> None:
        """From now on it is away, refuses our credentials, or its lists break off in the middle."""
        ...


class Walking(Contract):
    """`pages`: what a walk gives."""

    def test_a_walk_gives_every_document(self, world: Origin) -> None:
        """None is left out, however many pages there are."""
        keys = world.have(5)
        assert {item.key for item in items(walk(world))} == set(keys)

    def test_a_walk_is_complete_on_its_last_page_only(self, world: Origin) -> None:
        """What is not complete goes on."""
        world.have(5)
        pages = walk(world)
        assert len(pages) > 1
        assert [page.complete for page in pages] == [False] * (len(pages) - 1) + [True]

    def test_a_walk_over_nothing_is_complete(self, world: Origin) -> None:
        """An empty system ends the walk with a page that says so, or with none."""
        pages = walk(world)
        assert items(pages) == []
        assert all(page.complete for page in pages[-1:])

    def test_a_walk_is_oldest_first(self, world: Origin) -> None:
        """What changed earlier comes earlier, so that every cursor is a position in time."""
        keys = []
        for _ in range(5):
            keys += world.have(1)
            world.pause()
        assert list(dict.fromkeys(item.key for item in items(walk(world)))) == keys

    def test_a_walk_starts_where_it_is_told(self, world: Origin) -> None:
        """Without a cursor nothing from before *start* is read."""
        world.have(2)
        start = world.pause()
        later = world.have(2)
        assert {item.key for item in items(walk(world, start=start))} == set(later)

    def test_any_cursor_resumes_without_a_loss(self, world: Origin) -> None:
        """Whichever page was the last one kept, all behind it comes again."""
        world.have(5)
        pages = walk(world)
        for place, page in enumerate(pages[:-1]):
            behind = {item.key for item in items(pages[place + 1 :])}
            assert {item.key for item in items(walk(world, page.cursor))} >= behind

    def test_a_cursor_is_json_text(self, world: Origin) -> None:
        """The ledger keeps it, and a person may read it."""
        world.have(3)
        for page in walk(world):
            json.loads(page.cursor)

    def test_a_change_comes_again_after_the_last_cursor(self, world: Origin) -> None:
        """And with other bytes, or nobody would notice."""
        keys = world.have(3)
        pages = walk(world)
        before = {item.key: item.raw for item in items(pages)}
        world.pause()
        world.change(keys[0])
        after = {item.key: item.raw for item in items(walk(world, pages[-1].cursor))}
        assert after[keys[0]] != before[keys[0]]

    def test_what_did_not_change_has_the_same_bytes(self, world: Origin) -> None:
        """A hash of the raw slice is all that an unchanged document costs."""
        world.have(3)
        first, second = items(walk(world)), items(walk(world))
        assert {i.key: i.raw for i in first} == {i.key: i.raw for i in second}

    def test_a_later_version_sorts_later(self, world: Origin) -> None:
        """As the ledger compares them: an older document never replaces a newer one (R13)."""
        [key] = world.have(1)
        versions = []
        for _ in range(11):
            versions += [item.version for item in items(world.source.read(world.entity, [key]))]
            world.pause()
            world.change(key)
        told = [version for version in versions if version is not None]
        assert all(later(new, old) for old, new in pairwise(told))

    def test_a_page_says_when_it_was_asked_for(self, world: Origin) -> None:
        """Aware, in UTC, and never earlier than the page before."""
        world.have(5)
        times = [page.began for page in walk(world)]
        assert {time.utcoffset() for time in times} == {timedelta(0)}
        assert times == sorted(times)

    def test_a_walk_of_a_system_that_is_away_raises_unavailable(self, world: Origin) -> None:
        """It is not an empty one."""
        world.have(3)
        world.trouble("away")
        with pytest.raises(Unavailable):
            walk(world)

    def test_a_walk_with_wrong_credentials_raises_unauthorized(self, world: Origin) -> None:
        """Waiting would not help."""
        world.have(3)
        world.trouble("denied")
        with pytest.raises(Unauthorized):
            walk(world)

    def test_a_page_that_breaks_off_is_not_the_end(self, world: Origin) -> None:
        """Half a page moves no cursor."""
        world.have(3)
        world.trouble("broken_off")
        with pytest.raises((Truncated, Unavailable)):
            walk(world)


class Asking(Contract):
    """`pages` with a `Care`: what kills whoever looks into it can be found out."""

    def test_no_reply_of_a_walk_is_looked_into_unasked(self, world: Origin) -> None:
        """What kills whoever looks into it is found out by what he asked before, and not after."""
        world.have(3)
        careful = Caring(most=1_000_000)
        walk(world, care=careful)
        assert careful.asked
        assert careful.read == len(careful.asked)

    def test_what_may_not_be_looked_into_is_asked_for_in_smaller_replies(
        self, world: Origin
    ) -> None:
        """Down to one row, so that one that kills costs no other; nothing is left out by it."""
        world.have(5)
        whole = {item.key for item in items(walk(world))}
        careful = Caring(most=1)
        assert {item.key for item in items(walk(world, care=careful))} == whole
        assert max(careful.asked) > 1


class Reading(Contract):
    """`read` and `decode`: one document, as it is now."""

    def test_read_gives_each_key_as_it_is_now(self, world: Origin) -> None:
        """In whatever state the last walk saw it."""
        keys = world.have(3)
        before = {i.key: i.raw for i in items(walk(world))}
        world.pause()
        world.change(keys[1])
        now = {i.key: i.raw for i in items(world.source.read(world.entity, keys))}
        assert now.keys() == set(keys)
        assert [key for key in keys if now[key] != before[key]] == [keys[1]]

    def test_read_gives_a_tombstone_for_what_is_not_there(self, world: Origin) -> None:
        """Lost or never there: each key is answered."""
        lost, kept = world.have(2)
        world.lose(lost)
        read = list(world.source.read(world.entity, [lost, kept, "987654"]))
        gone = {one.key for one in read if isinstance(one, Tombstone)}
        assert gone == {lost, "987654"}
        assert [item.key for item in items(read)] == [kept]

    def test_read_of_a_system_that_is_away_raises_unavailable(self, world: Origin) -> None:
        """A tombstone would be a lie."""
        keys = world.have(1)
        world.trouble("away")
        with pytest.raises(Unavailable):
            list(world.source.read(world.entity, keys))

    def test_read_with_wrong_credentials_raises_unauthorized(self, world: Origin) -> None:
        """So would it be here."""
        keys = world.have(1)
        world.trouble("denied")
        with pytest.raises(Unauthorized):
            list(world.source.read(world.entity, keys))

    def test_a_slice_decodes_without_floats(self, world: Origin) -> None:
        """Numbers stay what was written, however deep they stand."""
        world.have(1)
        [item] = items(walk(world))
        payload = world.source.decode(world.entity, item.raw)
        assert isinstance(payload, Mapping)
        assert payload
        assert not any(isinstance(leaf, float) for leaf in leaves(payload))

    def test_garbage_decodes_to_broken(self, world: Origin) -> None:
        """One unreadable row does not end a walk."""
        garbage = b"\x00\xff{<"
        decoded = world.source.decode(world.entity, garbage)
        assert isinstance(decoded, Broken)
        assert decoded.code


class SourceContract(Walking, Asking, Reading):
    """Everything that a `Source` promises; `world` is an `Origin`."""


class Caring:
    """A `Care` that allows at most so much at once, and counts."""

    def __init__(self, *, most: int) -> None:
        self._most = most
        self.asked: list[int] = []
        self.read = 0

    def may_be_read(self, much: int, body: bytes) -> bool:
        """Is it little enough?"""
        assert isinstance(body, bytes)
        self.asked.append(much)
        return much <= self._most

    def was_read(self) -> None:
        """One more."""
        self.read += 1


def walk(
    world: Origin,
    since: str | None = None,
    start: datetime | None = None,
    care: Care | None = None,
) -> list[Page]:
    """A whole walk."""
    return list(world.source.pages(world.entity, since, start=start, until=None, care=care))


def items(given: Iterable[object]) -> list[Item]:
    """The readable documents in pages or reads."""
    found: list[Item] = []
    for one in given:
        found += items(one.items) if isinstance(one, Page) else ()
        found += [one] if isinstance(one, Item) else ()
    return found


def leaves(tree: object) -> Iterable[object]:
    """Every leaf of a tree."""
    if isinstance(tree, Mapping):
        for value in tree.values():
            yield from leaves(value)
    elif isinstance(tree, list | tuple):
        for value in tree:
            yield from leaves(value)
    else:
        yield tree
