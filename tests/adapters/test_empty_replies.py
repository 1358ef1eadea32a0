"""Replies that HTTP itself gives no content: 204, and 201 with the address of what was made."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from answering import Fake, profile_of, system

from connector import errors
from connector.values import Change, Done, InDoubt, Refused

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}"
"""
ORDER = """\
entity: order
key: = id
read: {number: = ref}
write: {ref: = reference}
actions:
  create: {method: POST, path: /orders, key: "= http.headers.location | part('/', -1)"}
  update: {method: PATCH, path: "/orders/{{ key }}"}
  find: {method: GET, path: /orders, items: = reply.rows, reference: = item.ref}
"""
MADE = [("Location", "http://there/orders/17")]
SAYS_DONE = "errors: [{when: = reply.result == 'OK', outcome: done}, {else: refused}]\n"
SAYS_204 = "errors: [{when: = http.status == 204, outcome: done}, {else: refused}]\n"


def answered(tmp_path, status, headers=(), body=b"", more=""):
    """A system whose every reply is this one; *more*: rows of `errors`."""
    profile = profile_of(tmp_path, profile=PROFILE, order=ORDER + more)
    fake = Fake(lambda _: (status, list(headers), body))
    return system(profile, fake.url, {"type": "none"}), fake


def outcome(tmp_path, reply, key=None, more=""):
    before = datetime.now(UTC) + timedelta(minutes=1)
    action = "update" if key else "create"
    change = Change(id=1, action=action, key=key, reference="R", payload={}, send_before=before)
    target, fake = answered(tmp_path, *reply, more=more)
    try:
        [made] = target.send("order", [change])
    finally:
        target.close()
        fake.close()
    return made


def test_204_says_that_a_change_was_made(tmp_path):
    """SAP, Shopware, Microsoft: an update is answered with nothing, and HTTP says what it means."""
    assert outcome(tmp_path, (204,), key="7") == Done(key="7")


def test_201_names_what_was_made_in_its_location(tmp_path):
    """Without the address nobody knows what was made: a doubt, which is looked up."""
    assert outcome(tmp_path, (201, MADE)) == Done(key="17")
    assert outcome(tmp_path, (201,)) == InDoubt(why="no_key")
    assert outcome(tmp_path, (204,)) == InDoubt(why="no_key")


@pytest.mark.parametrize("reply", [(200,), (202,), (200, MADE), (201, MADE, b"<html>")])
def test_any_other_empty_or_unreadable_reply_is_a_doubt(tmp_path, reply):
    """A proxy or a crash answers 200 with nothing too."""
    assert isinstance(outcome(tmp_path, reply, key="7"), InDoubt)


def test_where_a_profile_says_what_done_is_an_empty_reply_is_neither_done_nor_refused(tmp_path):
    """`else` judges words, and there are none; a row may look at the status."""
    assert isinstance(outcome(tmp_path, (204,), "7", SAYS_DONE), InDoubt)
    assert isinstance(outcome(tmp_path, (400, (), b'{"a": 1}'), "7", SAYS_DONE), Refused)
    assert outcome(tmp_path, (204,), "7", SAYS_204) == Done(key="7")


def test_an_empty_reply_to_a_look_up_says_nothing(tmp_path):
    """Nothing is no empty list; a row of `errors` may say that it is one."""
    target, fake = answered(tmp_path, 204)
    try:
        with pytest.raises(errors.Unavailable):
            target.find("order", ["R"])
    finally:
        target.close()
        fake.close()
    (tmp_path / "said").mkdir()
    absent = "errors: [{when: = http.status == 204, outcome: absent}]\n"
    target, fake = answered(tmp_path / "said", 204, more=absent)
    try:
        assert type(target.find("order", ["R"])["R"]).__name__ == "Absent"
    finally:
        target.close()
        fake.close()
