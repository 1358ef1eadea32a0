"""Every kind of walk, written in YAML, over real HTTP: whole lists, and no endless ones."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from answering import Fake, enveloped
from lists import ALL, NOW, ROWS, after, by_key, clocked, keys, rows_of, said, walked

from adapters.rest import RestDialect
from connector import errors
from connector.errors import ConfigError, Truncated
from connector.values import Broken, Item

# ── SOAP ────────────────────────────────────────────────────────────────────────────────────────


def test_a_bookmark_is_the_key_of_the_last_row(listing):
    """NAV: the next page begins after it, and only an empty page is the end."""
    source, fake = listing('type: bookmark, from: = item.Key, size: "3"', by_key)
    pages = walked(source)

    assert keys(pages) == ALL
    assert [said(one)[1].get("After") for one in fake.asked] == [None, "kO2", "kO5", "kO6"]
    assert [page.complete for page in pages] == [False, False, False, True]


def test_a_list_that_ignores_its_bookmark_is_truncated(listing):
    """The same page for ever, which an order list of yesterday would be."""
    source, fake = listing('type: bookmark, from: = item.Key, size: "3"', lambda _: rows_of(ROWS))

    with pytest.raises(Truncated, match="same page twice"):
        walked(source)
    assert len(fake.asked) == 2


def test_a_flag_says_whether_there_is_more_and_carry_where(listing):
    """ByD: the last object's id goes into the next call."""

    def answer(request):
        _, asked = said(request)
        found = after(ROWS, asked.get("After"), 3)
        more = str(found[-1] != ROWS[-1]).lower()
        return rows_of(found, f"<t:More>{more}</t:More><t:Last>{found[-1][0]}</t:Last>")

    source, _ = listing(
        'type: more, more: = reply.More, carry: {last: = reply.Last}, size: "3"',
        answer,
        args="{After: = carried.last, Size: = size}",
    )
    assert keys(walked(source)) == ALL


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("", "does not say whether"),
        ("<t:More>true</t:More><t:Last>{n}</t:Last>", "same page twice"),
        ("<t:More>true</t:More><t:Last>O1</t:Last>", "goes round"),
        ("<t:More>true</t:More>", "does not say where"),
    ],
)
def test_a_flag_that_leads_nowhere_is_truncated(listing, more, why):
    """Silence is no end, and `true` for ever is no beginning."""
    count = iter(range(100))

    def answer(_):
        n = next(count)
        rows = ROWS[:1] if "{n}" in more else ROWS[n % 7 : n % 7 + 1]
        return rows_of(rows, more.replace("{n}", str(n)))

    source, fake = listing(
        "type: more, more: = reply.More, from: = reply.Last", answer, args="{After: = bookmark}"
    )
    with pytest.raises(Truncated, match=why):
        walked(source)
    assert len(fake.asked) <= 3


def search(request):
    name, asked = said(request)
    if name == "ListMore" and asked["SearchId"] != "s-1":
        return clocked(enveloped("<t:Rows xmlns:t='urn:lists'><t:Pages>0</t:Pages></t:Rows>"))
    page = int(asked["Index"]) if name == "ListMore" else 1
    more = "<t:SearchId>s-1</t:SearchId><t:Pages>3</t:Pages>"
    return rows_of(ROWS[(page - 1) * 3 : page * 3], more)


def test_later_pages_of_a_search_are_read_by_another_operation(listing):
    """NetSuite: the search is made once, its pages are asked by number and its id."""
    source, fake = listing(
        'type: index, pages: = reply.Pages, carry: {search: = reply.SearchId}, size: "3"',
        search,
        more=", next: {op: ListMore, args: {SearchId: = carried.search, Index: = page}}",
    )
    assert keys(walked(source)) == ALL
    assert [said(one)[0] for one in fake.asked] == ["List", "ListMore", "ListMore"]


@pytest.mark.parametrize("told", ["pages: = reply.Pages * 1", "total: = reply.Pages * 3 - 1"])
def test_how_far_a_search_goes_may_be_calculated_or_told_in_rows(listing, told):
    """Shopware tells how many rows there are; eight, three to a page, are three pages."""
    walk = f'type: index, {told}, carry: {{search: = reply.SearchId}}, size: "3"'
    more = ", next: {op: ListMore, args: {SearchId: = carried.search, Index: = page}}"
    source, fake = listing(walk, search, more=more)
    assert keys(walked(source)) == ALL
    assert len(fake.asked) == 3


@pytest.mark.parametrize("lost", [2, 3])
@pytest.mark.parametrize("told", ["", "<t:Pages>0</t:Pages>", "<t:Pages>3</t:Pages>"])
def test_a_page_that_was_promised_and_is_empty_is_not_the_end(listing, lost, told):
    """A search that the system has forgotten: what stood on its pages was not read."""

    def forgetful(request):
        name, asked = said(request)
        page = int(asked["Index"]) if name == "ListMore" else 1
        return rows_of([], told) if page == lost else search(request)

    source, _ = listing(
        'type: index, pages: = reply.Pages, carry: {search: = reply.SearchId}, size: "3"',
        forgetful,
        more=", next: {op: ListMore, args: {SearchId: s-1, Index: = page}}",
    )
    with pytest.raises(Truncated, match="is empty"):
        walked(source)


@pytest.mark.parametrize("told", ["", "<t:Pages>0</t:Pages>", "<t:Pages>1</t:Pages>"])
def test_a_search_that_finds_nothing_is_a_whole_list(listing, told):
    """However it counts its one empty page."""
    source, _ = listing("type: index, pages: = reply.Pages", lambda _: rows_of([], told))
    assert [page.complete for page in walked(source)] == [True]


def test_a_list_that_is_longer_than_any_may_be_is_truncated(listing):
    """Each page new, each place new, and no end: `most` is the guard that is left."""
    count = iter(range(10**6))

    def answer(_):
        n = next(count)
        return rows_of([(f"O{n}", NOW)])

    source, fake = listing('type: bookmark, from: = item.Key, most: "5"', answer)
    with pytest.raises(Truncated, match="more than 5 pages"):
        walked(source)
    assert len(fake.asked) == 5


# ── REST ────────────────────────────────────────────────────────────────────────────────────────


def json_of(rows, headers=(), **more):
    items = [{"No": no, "Changed": at.isoformat()} for no, at in rows]
    body = json.dumps({"items": items, **more} if more else items).encode()
    return clocked((200, [("Content-Type", "application/json"), *headers], body))


def query(request):
    return {name: values[0] for name, values in parse_qs(urlsplit(request.path).query).items()}


def test_a_cursor_of_the_reply_leads_on(listing):
    """And none, or an empty one, is the end."""

    def answer(request):
        found = after(ROWS, query(request).get("after"), 3)
        return json_of(found, next=found[-1][0] if found[-1] != ROWS[-1] else "")

    rest = "{method: GET, path: /o, query: {after: = bookmark}, items: = reply.items}"
    source, _ = listing("type: cursor, from: = reply.next", answer, rest=rest)

    assert keys(walked(source)) == ALL


def test_an_offset_counts_rows_and_the_last_rows_come_first(listing):
    """As with page numbers: what is deleted while we read shifts nothing past us."""

    def answer(request):
        begin, size = int(query(request).get("skip", 0)), int(query(request)["take"])
        return json_of(ROWS[begin : begin + size], count=len(ROWS))

    rest = "{method: GET, path: /o, query: {skip: = offset, take: = size}, items: = reply.items}"
    source, fake = listing('type: offset, total: = reply.count, size: "3"', answer, rest=rest)

    assert sorted(keys(walked(source))) == ALL
    assert [int(query(one)["skip"]) for one in fake.asked] == [0, 6, 3, 0]


WHERE = "{method: GET, path: /o, items: = reply.d.items}"


@pytest.mark.parametrize("walk", ["type: page", "type: watermark", "type: cursor, from: = reply.n"])
@pytest.mark.parametrize(
    "reply", [{}, {"d": {}}, {"error": "busy"}, {"d": {"items": ""}}, {"d": {"items": "busy"}},
              {"d": {"items": False}}, {"d": {"items": 0}}, {"d": {"items": {"1": {"No": "A"}}}},
              []]
)  # fmt: skip
def test_a_reply_without_its_list_is_no_empty_one(listing, walk, reply):
    """No page is given, so that no cursor moves past what nobody has read."""
    answer = clocked((200, [], json.dumps(reply).encode()))
    source, _ = listing(walk, lambda _: answer, rest=WHERE)
    with pytest.raises((Truncated, errors.Unavailable)):
        next(source.pages("order", None, start=None, until=None))


@pytest.mark.parametrize("reply", [{"d": {"items": None}}, {"d": None}, {"d": {"items": []}}, None])
@pytest.mark.parametrize("walk", ["type: page", "type: watermark", "type: cursor, from: = reply.n"])
def test_a_list_that_is_null_has_no_rows(listing, walk, reply):
    """Many write an empty list so."""
    answer = clocked((200, [], json.dumps(reply).encode()))
    source, _ = listing(walk, lambda _: answer, rest=WHERE)
    [page] = source.pages("order", None, start=None, until=None)

    assert (page.items, page.complete) == ((), True)


def linked(target):
    def answer(request):
        page = int(query(request).get("page", 1))
        more = (page * 3) < len(ROWS)
        headers = [("Link", f'<{target}?page={page + 1}&w=%22>; rel="next"')] if more else []
        return json_of(ROWS[(page - 1) * 3 : page * 3], headers)

    return answer


def test_a_link_header_is_followed_on_the_same_host(listing):
    """Its address is used as it stands."""
    fakes = []
    source, fake = listing(
        "type: link", lambda r: linked(f"{fakes[0].url}/api/o")(r), rest="{method: GET, path: /o}"
    )
    fakes.append(fake)

    assert keys(walked(source)) == ALL
    assert [one.path for one in fake.asked][1:] == ["/api/o?page=2&w=%22", "/api/o?page=3&w=%22"]


def test_a_link_elsewhere_is_not_followed(listing):
    """Our credentials go to the connection's own address only."""
    thief = Fake(lambda _: json_of([]))
    source, _ = listing("type: link", linked(f"{thief.url}/o"), rest="{method: GET, path: /o}")
    try:
        with pytest.raises(errors.Unavailable, match="foreign_address"):
            walked(source)
        assert thief.asked == []
    finally:
        thief.close()


INDEX = "{method: GET, path: /o, query: {page: = page, size: = size}, items: = reply.items}"


def numbered(spoil):
    """Pages by number; *spoil* makes bytes of what a page should hold."""

    def answer(request):
        page, size = int(query(request)["page"]), int(query(request)["size"])
        status, headers, body = json_of(
            ROWS[(page - 1) * size : page * size], pages=-(-len(ROWS) // size)
        )
        return status, headers, spoil(body)

    return answer


@pytest.mark.parametrize("told", ["pages: = reply.pages", "total: = reply.pages * size"])
def test_a_row_that_spoils_its_reply_is_cut_out_of_an_index_as_well(listing, told):
    """The reply is an object, and none of it can be parsed: smaller pages can."""
    spoil = numbered(lambda body: body.replace(b'"O4"', b"'O4'"))
    source, _ = listing(f'type: index, {told}, size: "3"', spoil, rest=INDEX)
    read = [item for page in walked(source) for item in page.items]
    assert [i.key for i in read if isinstance(i, Item)] == [no for no in ALL if no != "O4"]
    [broken] = [i for i in read if isinstance(i, Broken)]
    assert (broken.at, broken.code) == ("page 5", "unsplittable")


@pytest.mark.parametrize("error", [KeyError, AttributeError, MemoryError, RecursionError])
def test_a_row_that_breaks_our_own_program_is_cut_out_of_its_page(listing, monkeypatch, error):
    """A mistake of ours costs one row, not the list."""
    source, _ = listing('type: page, size: "3"', numbered(bytes), rest=INDEX)
    slices = RestDialect.slices

    def breaking(self, action, answer, asked=frozenset()):
        if b'"O4"' in answer.http.body:
            raise error("bug")
        return slices(self, action, answer, asked)

    monkeypatch.setattr(RestDialect, "slices", breaking)
    read = [item for page in walked(source) for item in page.items]
    assert {i.key for i in read if isinstance(i, Item)} == {*ALL} - {"O4"}
    assert [i.code for i in read if isinstance(i, Broken)] == ["breaks_reader"]


def test_a_row_that_is_larger_than_any_reply_may_be_is_cut_out(listing, monkeypatch):
    """Of its page the others are read."""
    big = numbered(lambda body: body.replace(b'"O4"', b'"O4", "big": "' + b"x" * 2000 + b'"'))
    source, _ = listing('type: page, size: "3"', big, rest=INDEX)
    monkeypatch.setattr(source._http, "_most", 1000)
    read = [item for page in walked(source) for item in page.items]
    assert {i.key for i in read if isinstance(i, Item)} == {*ALL} - {"O4"}
    assert [i.code for i in read if isinstance(i, Broken)] == ["too_large"]


# ── mistakes ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("walk", "message"),
    [
        ("type: bookmrk", "is not one of its words"),
        ("type: bookmark", "needs `from`"),
        ("type: cursor", "needs `from`"),
        ("type: index", "needs `pages` or `total`"),
        ("type: more, from: = reply.Last", "needs `more`"),
        ("type: more, more: = reply.More", "does not say what the next call takes along"),
        ("type: page, from: = reply.Last", "reads no `from`"),
        ("type: link, carry: {a: = reply.a}", "reads no `carry`"),
        ("type: bookmark, from: = item.Key, window: 1d", "reads no `window`"),
        ('type: page, first: "2"', "is not one of its words"),
        ("type: bookmark, from: = order.Key", "names `order`, which is not there"),
        ("type: bookmark, form: x, size: '0'", "is not a whole number"),
    ],
)
def test_a_walk_that_says_too_little_or_too_much_is_refused(listing, walk, message):
    """When the profile is loaded, with the place."""
    with pytest.raises(ConfigError, match=message):
        listing(walk, lambda _: rows_of([]))
