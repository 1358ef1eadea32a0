"""REST that speaks XML (PrestaShop): bodies, replies, lists, and what is no answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from answering import Fake, profile_of, system

from connector import errors
from connector.values import Absent, Change, Done, InDoubt, Refused, Seen

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}/api"
send_as: xml
replies: xml
lists: [order]
"""
ORDER = """\
entity: order
key: = id
walk: {type: link}
read: {number: = reference, total: = total_paid}
write: {reference: = reference}
actions:
  create:
    method: POST
    path: /orders
    body:
      prestashop:
        order: {reference: = payload.ref, total: {$value: = payload.sum, "@cur": EUR}}
    key: = reply.order[0].id
    total: = reply.order[0].total_paid
  find:
    method: GET
    path: /orders
    query: {display: full}
    items: = reply.orders.order
    reference: = item.reference
  get: {method: GET, path: "/orders/{{ key }}", item: "= reply.order[0]"}
  list: {method: GET, path: /orders, items: = reply.orders.order}
errors:
  - {when: = reply.errors is not none, outcome: refused, code: = reply.errors.error.code}
"""
ONE = '<order><id><![CDATA[7]]></id><reference xlink:href="http://x">R</reference><total_paid>1.50</total_paid></order>'
SHOP = '<?xml version="1.0" encoding="UTF-8"?>\n<prestashop xmlns:xlink="http://www.w3.org/1999/xlink">{}</prestashop>'
KIND = [("Content-Type", "text/xml;charset=utf-8")]


class Shop:
    """A system that gives every call the same reply, and remembers what it was asked."""

    def __init__(self, folder, said, status=200):
        body = said.encode()
        self.fake = Fake(lambda _: (status, KIND, body))
        profile = profile_of(folder, profile=PROFILE, order=ORDER)
        self.system = system(profile, self.fake.url, {"type": "none"})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.system.close()
        self.fake.close()

    def create(self):
        before = datetime.now(UTC) + timedelta(minutes=1)
        told = {"ref": "R & <Co>", "sum": "1.50"}
        change = Change(id=1, action="create", reference="R", payload=told, send_before=before)
        return self.system.send("order", [change])[0]


def test_a_document_goes_out_as_xml_and_its_key_is_read_from_xml(tmp_path):
    """Text is escaped, attributes are written; the root is named by the tree itself."""
    with Shop(tmp_path, SHOP.format(ONE)) as shop:
        assert shop.create() == Done(key="7", total=shop.create().total)
        asked = shop.fake.asked[0]

    assert asked.headers["Content-Type"] == "application/xml; charset=utf-8"
    assert asked.headers["Accept"] == "application/xml"
    assert asked.body.decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<prestashop><order>'
        '<reference>R &amp; &lt;Co&gt;</reference><total cur="EUR">1.50</total>'
        "</order></prestashop>"
    )


@pytest.mark.parametrize("inner", [ONE, ONE.replace("</id>", "</id><x/><!-- a -->")])
def test_one_that_is_there_is_found_and_read(tmp_path, inner):
    """A list of one is a list where `lists` names it; an element with attributes is its text."""
    with Shop(tmp_path, SHOP.format(f"<orders>{inner}</orders>")) as shop:
        seen = shop.system.find("order", ["R"])["R"]

        [page] = shop.system.pages("order", None, start=None, until=None)

    assert isinstance(seen, Seen)
    assert [item.key for item in page.items] == ["7"]
    assert (seen.key, seen.reference, seen.there["number"]) == ("7", "R", "R")


@pytest.mark.parametrize("inner", ["", "<orders/>", "<orders></orders>", '<orders n="order"/>'])
def test_a_list_without_rows_says_that_it_is_not_there(tmp_path, inner):
    """XML has no other way to write an empty list."""
    with Shop(tmp_path, SHOP.format(inner)) as shop:
        assert isinstance(shop.system.find("order", ["R"])["R"], Absent)
        assert [
            page.items for page in shop.system.pages("order", None, start=None, until=None)
        ] == [()]


@pytest.mark.parametrize(
    "said",
    [SHOP.format("<customers/>"), SHOP.format("<orders><error>x</error></orders>"),
     "<html><body>busy</body></html>", "<prestashop><orders>", '{"orders": []}', "",
     "<!DOCTYPE a><prestashop><orders/></prestashop>"],
)  # fmt: skip
def test_anything_else_is_no_answer(tmp_path, said):
    """Of none of these anybody knows that the order is not there; a write is in doubt."""
    with Shop(tmp_path, said) as shop:
        with pytest.raises(errors.Unavailable):
            shop.system.find("order", ["R"])
        with pytest.raises((errors.Unavailable, errors.Truncated)):
            list(shop.system.pages("order", None, start=None, until=None))
        assert isinstance(shop.create(), InDoubt)


def test_rules_read_what_a_refusal_says(tmp_path):
    """With its code."""
    said = SHOP.format("<errors><error><code>90</code><message>x</message></error></errors>")
    with Shop(tmp_path, said, status=400) as shop:
        assert shop.create() == Refused(code="90", at="create")


def test_a_body_that_is_no_document_is_refused_before_it_is_sent(tmp_path):
    """XML needs one root."""
    order = ORDER.replace("      prestashop:", "      more: x\n      prestashop:")
    profile = profile_of(tmp_path, profile=PROFILE, order=order)
    fake = Fake(lambda _: (200, KIND, b"<a/>"))
    target = system(profile, fake.url, {"type": "none"})
    before = datetime.now(UTC) + timedelta(minutes=1)
    told = {"ref": "R", "sum": "1"}
    change = Change(id=1, action="create", reference="R", payload=told, send_before=before)
    try:
        assert target.send("order", [change]) == [Refused(code="not_one_root", at="body")]
    finally:
        target.close()
        fake.close()

    assert fake.asked == []
