"""A search that tells less of a document than `read` names: the document is read by its key."""

from __future__ import annotations

import json

from answering import Fake, profile_of, system

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}"
"""
ENTITY = """\
entity: {entity}
key: = id
read: {{{read}}}
actions:
  {search}
"""
GET = '  get: {method: GET, path: "/all/{{ key }}", item: = reply}\n'
FIND = "find: {method: GET, path: /few, items: = reply.rows, reference: = item.ref}"
MATCH = "match: {email: {method: GET, path: /few, items: = reply.rows}}"
WHOLE = {"id": "7", "ref": "R", "mail": "a@b.example", "sum": "5.00"}


def asked(tmp_path, question, entity, told=("id", "ref", "mail")):
    """What *question* learns, and which addresses were asked for it."""
    few = {name: WHOLE[name] for name in told}

    def answer(request):
        return 200, [], json.dumps({"rows": [few]} if "few" in request.path else WHOLE).encode()

    profile = profile_of(tmp_path, profile=PROFILE, **entity)
    fake = Fake(answer)
    target = system(profile, fake.url, {"type": "none"})
    try:
        return question(target), [one.path for one in fake.asked]
    finally:
        target.close()
        fake.close()


def order(*, get=True):
    text = ENTITY.format(entity="order", read="number: = ref, total: = sum", search=FIND)
    return {"order": text + GET * get}


def test_a_hit_that_lacks_what_read_names_is_read_by_its_key(tmp_path):
    """Else it would count as locked: nothing is ever written to what was not read."""
    found, paths = asked(tmp_path, lambda target: target.find("order", ["R"]), order())

    seen = found["R"]
    assert (seen.key, seen.locked, seen.reference) == ("7", False, "R")
    assert seen.there["total"] is not None
    assert paths == ["/few", "/all/7"]


def test_a_hit_that_tells_all_is_not_asked_for_again(tmp_path):
    """One call an order."""
    found, paths = asked(tmp_path, lambda target: target.find("order", ["R"]), order(), [*WHOLE])

    assert found["R"].locked is False
    assert paths == ["/few"]


def test_without_get_such_a_hit_stays_locked(tmp_path):
    """There is no other way to read it."""
    found, _ = asked(tmp_path, lambda target: target.find("order", ["R"]), order(get=False))

    assert found["R"].locked is True


def test_a_candidate_that_a_search_tells_in_part_is_read_too(tmp_path):
    """Else a customer who is there would be made a second time."""
    read = "email: = mail, credit_limit: = sum"
    text = ENTITY.format(entity="customer", read=read, search=MATCH) + GET
    question = lambda target: target.match("customer", "email", ["a@b.example"])  # noqa: E731
    found, paths = asked(tmp_path, question, {"customer": text})

    [seen] = found["a@b.example"]
    assert seen.there["email"] == "a@b.example"
    assert paths == ["/few", "/all/7"]
