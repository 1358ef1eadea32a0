"""A desk that lists orders, and profiles that walk the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from answering import call_in, enveloped
from lxml import etree

NOW = datetime(2026, 11, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ROWS = [(f"O{n}", NOW - timedelta(hours=40 - n)) for n in range(7)]
SOAP = """\
profile: p
version: "1"
protocol: soap
services:
  desk: {wsdl: lists.wsdl, endpoint: "{{ conn.url }}"}
"""
REST = 'profile: p\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}/api"\n'
ENTITY = "entity: order\nkey: = No\nversion: = Changed\nread: {number: = No}\n"
ASK = "{Since: = since, Until: = until, After: = bookmark, Size: = size}"


def clocked(reply, now=NOW):
    """The reply with the source's clock; one that it has already is taken away."""
    status, headers, body = reply
    kept = [pair for pair in headers if pair[0] != "Date"]
    return status, [*kept, ("Date", now.strftime("%a, %d %b %Y %H:%M:%S GMT"))], body


def rows_of(rows, more=""):
    made = "".join(
        f"<t:Row><t:No>{no}</t:No><t:Key>k{no}</t:Key><t:Changed>{at.isoformat()}</t:Changed></t:Row>"
        for no, at in rows
    )
    return clocked(enveloped(f'<t:Rows xmlns:t="urn:lists">{made}{more}</t:Rows>'))


def said(request):
    """The parameters of a call, by name."""
    call = call_in(request.body)
    return etree.QName(call).localname, {etree.QName(one).localname: one.text for one in call}


def walked(source, cursor=None, *, start=None, until=None):
    return list(source.pages("order", cursor, start=start, until=until))


def keys(pages):
    return [item.key for page in pages for item in page.items]


def after(rows, place, size):
    names = [no for no, _ in rows]
    begin = names.index(place) + 1 if place else 0
    return rows[begin : begin + size]


ALL = [no for no, _ in ROWS]


def by_key(request):
    _, asked = said(request)
    return rows_of(after(ROWS, (asked.get("After") or "k")[1:], int(asked["Size"])))
