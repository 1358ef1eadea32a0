"""Sources that each break one promise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar

from connector import errors
from connector.ports import Care
from connector.testing.liars.liar import Liar
from connector.testing.memory import Paper
from connector.values import Broken, Item, Page, Payload, Read, Tombstone


class Retelling(Liar):
    """A source that tells its walks otherwise than they were."""

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Walk, and lie about it."""
        walk = super().pages(entity, since, start=start, until=until, care=care)
        return iter(self.retold(list(walk)))

    def retold(self, pages: list[Page]) -> list[Page]:
        """The pages as they are told."""
        return [self.page_retold(page) for page in pages]

    def page_retold(self, page: Page) -> Page:
        """A page as it is told."""
        return replace(page, items=tuple(map(self.item_retold, page.items)))

    def item_retold(self, item: Read) -> Read:
        """A document as it is told."""
        return item


class LeavesOut(Retelling):
    """Loses the first row of a longer walk, which was the oldest."""

    breaks = ("test_a_walk_gives_every_document", "test_a_walk_is_oldest_first")

    def retold(self, pages: list[Page]) -> list[Page]:
        """Lose it where nobody counts."""
        first = replace(pages[0], items=pages[0].items[1:])
        return [first, *pages[1:]] if len(pages) > 2 else pages


class NeverEnds(Retelling):
    """Every page says that more follows."""

    breaks = ("test_a_walk_is_complete_on_its_last_page_only",)

    def page_retold(self, page: Page) -> Page:
        """More follows, unless there is nothing at all."""
        return replace(page, complete=not page.items)


class NothingNeverEnds(Retelling):
    """A walk over nothing does not end."""

    breaks = ("test_a_walk_over_nothing_is_complete",)

    def page_retold(self, page: Page) -> Page:
        """More follows nothing."""
        return replace(page, complete=page.complete and bool(page.items))


class Backwards(Retelling):
    """The newest first."""

    breaks = ("test_a_walk_is_oldest_first",)

    def retold(self, pages: list[Page]) -> list[Page]:
        """Turn the items of pages round; a cursor but the last begins anew."""
        items = [item for page in pages for item in page.items][::-1]
        size = self.page
        return [
            replace(
                page,
                items=tuple(items[n * size : (n + 1) * size]),
                cursor=page.cursor if page.complete else "0",
            )
            for n, page in enumerate(pages)
        ]


class Hoarder(Retelling):
    """Begins at the beginning, whatever *start* says."""

    breaks = ("test_a_walk_starts_where_it_is_told",)

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Forget the start."""
        del start
        return super().pages(entity, since, start=None, until=until, care=care)


class JumpsAhead(Retelling):
    """Every cursor is the walk's end."""

    breaks = ("test_any_cursor_resumes_without_a_loss",)

    def retold(self, pages: list[Page]) -> list[Page]:
        """Give the last cursor with every page."""
        return [replace(page, cursor=pages[-1].cursor) for page in pages]


class Secretive(Retelling):
    """Its cursors are no JSON."""

    breaks = ("test_a_cursor_is_json_text",)

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """Understand its own cursors."""
        since = since and since.removeprefix("after ")
        return super().pages(entity, since, start=start, until=until, care=care)

    def page_retold(self, page: Page) -> Page:
        """Put words before the cursor."""
        return replace(page, cursor=f"after {page.cursor}")


class Changeless(Retelling):
    """Walks give for ever what was read first."""

    breaks = ("test_a_change_comes_again_after_the_last_cursor",)

    def item_retold(self, item: Read) -> Read:
        """Remember the first bytes."""
        first: dict[str, bytes] = self.__dict__.setdefault("first", {})
        if not isinstance(item, Item):
            return item
        return replace(item, raw=first.setdefault(item.key, item.raw))


class Restless(Retelling):
    """The same document has other bytes at every walk."""

    breaks = ("test_what_did_not_change_has_the_same_bytes",)

    def item_retold(self, item: Read) -> Read:
        """Add a blank for every time that it was told."""
        told: dict[str, int] = self.__dict__.setdefault("told", {})
        if not isinstance(item, Item):
            return item
        told[item.key] = told.get(item.key, -1) + 1
        return replace(item, raw=item.raw + b" " * told[item.key])


class Careless(Retelling):
    """Looks into every reply at once."""

    breaks = (
        "test_no_reply_of_a_walk_is_looked_into_unasked",
        "test_what_may_not_be_looked_into_is_asked_for_in_smaller_replies",
    )

    def _split(self, items: Sequence[Item], care: Care | None) -> tuple[Read, ...]:
        """Ask nobody."""
        del care
        return super()._split(items, None)


class Timid(Retelling):
    """Leaves out what it may not look into."""

    breaks = ("test_what_may_not_be_looked_into_is_asked_for_in_smaller_replies",)

    def _split(self, items: Sequence[Item], care: Care | None) -> tuple[Read, ...]:
        """Ask for nothing smaller."""
        if care is not None and not care.may_be_read(len(items), b""):
            return ()
        found = self.split(items)
        if care is not None:
            care.was_read()
        return found


class Unsortable(Liar):
    """Its versions count, but sort as text."""

    breaks = ("test_a_later_version_sorts_later",)

    def _item(self, paper: Paper) -> Item:
        return replace(super()._item(paper), version=f"v{paper.version}")


class Zoneless(Retelling):
    """Its times have no zone."""

    breaks = ("test_a_page_says_when_it_was_asked_for",)

    def page_retold(self, page: Page) -> Page:
        """Take the zone away."""
        return replace(page, began=page.began.replace(tzinfo=None))


class Silent(Liar):
    """Takes an error for an empty system."""

    swallows: ClassVar[type[errors.ConnectorError]]

    def pages(
        self,
        entity: str,
        since: str | None,
        *,
        start: datetime | None,
        until: datetime | None,
        care: Care | None = None,
    ) -> Iterator[Page]:
        """End quietly."""
        try:
            yield from super().pages(entity, since, start=start, until=until, care=care)
        except self.swallows:
            yield Page(items=(), cursor=since or "0", complete=True, began=self.clock.now())


class SilentWhenAway(Silent):
    """A shop that is away has no orders."""

    breaks = ("test_a_walk_of_a_system_that_is_away_raises_unavailable",)
    swallows = errors.Unavailable


class SilentWhenDenied(Silent):
    """A shop that does not know us has no orders."""

    breaks = ("test_a_walk_with_wrong_credentials_raises_unauthorized",)
    swallows = errors.Unauthorized


class SilentWhenBroken(Silent):
    """Half a page is a page."""

    breaks = ("test_a_page_that_breaks_off_is_not_the_end",)
    swallows = errors.Truncated


class Dreamer(Liar):
    """Reads each document as it was when it first read it."""

    breaks = ("test_read_gives_each_key_as_it_is_now",)

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Give what the walk before gave, if there was one."""
        walked = self.calls and self.calls[0][0] == "pages"
        for one in super().read(entity, keys):
            yield replace(one, raw=b"{}") if isinstance(one, Item) and walked else one


class Shrugs(Liar):
    """Leaves out what is not there."""

    breaks = ("test_read_gives_a_tombstone_for_what_is_not_there",)

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Give what is there."""
        return (one for one in super().read(entity, keys) if isinstance(one, Item))


class Burying(Liar):
    """Takes an error for documents that are gone."""

    swallows: ClassVar[type[errors.ConnectorError]]

    def read(self, entity: str, keys: Sequence[str]) -> Iterator[Read]:
        """Bury them all."""
        try:
            yield from super().read(entity, keys)
        except self.swallows:
            yield from (Tombstone(key=key) for key in keys)


class BuriesWhenAway(Burying):
    """What cannot be read is gone."""

    breaks = ("test_read_of_a_system_that_is_away_raises_unavailable",)
    swallows = errors.Unavailable


class BuriesWhenDenied(Burying):
    """What may not be read is gone."""

    breaks = ("test_read_with_wrong_credentials_raises_unauthorized",)
    swallows = errors.Unauthorized


class Floats(Liar):
    """Its numbers are binary."""

    breaks = ("test_a_slice_decodes_without_floats",)

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Make floats of Decimals."""
        decoded = super().decode(entity, raw)
        return decoded if isinstance(decoded, Broken) else binary(decoded)


class Brittle(Liar):
    """Raises where it should say that something is broken."""

    breaks = ("test_garbage_decodes_to_broken",)

    def decode(self, entity: str, raw: bytes) -> Payload | Broken:
        """Raise for garbage."""
        decoded = super().decode(entity, raw)
        if isinstance(decoded, Broken):
            raise ValueError("not JSON")
        return decoded


def binary(tree: Any) -> Any:
    """A tree with floats for its Decimals."""
    if isinstance(tree, Mapping):
        return {name: binary(value) for name, value in tree.items()}
    return float(tree) if isinstance(tree, Decimal) else tree


SOURCES: tuple[type[Liar], ...] = (
    LeavesOut,
    NeverEnds,
    NothingNeverEnds,
    Backwards,
    Hoarder,
    JumpsAhead,
    Secretive,
    Changeless,
    Restless,
    Careless,
    Timid,
    Unsortable,
    Zoneless,
    SilentWhenAway,
    SilentWhenDenied,
    SilentWhenBroken,
    Dreamer,
    Shrugs,
    BuriesWhenAway,
    BuriesWhenDenied,
    Floats,
    Brittle,
)
