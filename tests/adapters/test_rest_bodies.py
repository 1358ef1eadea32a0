"""How the bodies of REST travel: as JSON, with numbers as text or not, or as forms; real HTTP."""

from __future__ import annotations

import base64
import hashlib
import hmac
from contextlib import contextmanager
from decimal import Decimal
from urllib.parse import parse_qsl, quote

import pytest
from answering import Fake, profile_of, sent, system
from hypothesis import given
from hypothesis import strategies as st

from adapters.rest.forms import KIND, form
from connector.errors import ConfigError, FieldErrors
from connector.rehearsal import Sent
from connector.values import Done, Refused
from connector.workbench.paths import body_of

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}/v1"
"""
ORDER = """\
entity: order
read: {number: = ref}
write: {ref: = reference}
actions:
  create:
    method: POST
    path: /orders
    query: {expand: all}
    key: = reply.id
"""
BODY = """\
    body:
      amount: "= '8.10' | dec(2)"
      paid: = true
      note: $nil
      left: = none
      who: {name: Zoë & Söhne, address: {city: Leipzig, "zip[+4]": "04107"}}
      rows: [{sku: "A=1", n: = 2}, {sku: B}]
      "tags[]": [a, b]
      none: = []
"""
AS_FORM = "    send_as: form\n"
PAIRS = [
    ("amount", "8.10"),
    ("paid", "true"),
    ("note", ""),
    ("who[name]", "Zoë & Söhne"),
    ("who[address][city]", "Leipzig"),
    ("who[address][zip[+4]]", "04107"),
    ("rows[0][sku]", "A=1"),
    ("rows[0][n]", "2"),
    ("rows[1][sku]", "B"),
    ("tags[]", "a"),
    ("tags[]", "b"),
    ("none", ""),
]
NO_AUTH = {"type": "none"}


@contextmanager
def target(folder, auth=NO_AUTH, answer=b'{"id": 7}', **files):
    """A target of a profile, and the server that it calls."""
    profile = profile_of(folder, **files)
    fake = Fake(lambda _: (200, [], answer))
    made = system(profile, fake.url, auth)
    try:
        yield made, fake
    finally:
        made.close()
        fake.close()


@pytest.mark.parametrize(
    ("profile", "order"),
    [(PROFILE, ORDER + AS_FORM + BODY), (PROFILE + "send_as: form\n", ORDER + BODY)],
)
def test_a_body_travels_as_a_form(tmp_path, profile, order):
    """What stands below has its name in brackets, null is ''; either place may say so."""
    with target(tmp_path, profile=profile, order=order) as (shop, fake):
        assert sent(shop) == Done(key="7")
    [request] = fake.asked
    assert request.headers.get_all("Content-Type") == [KIND]
    assert request.path == "/v1/orders?expand=all"
    assert parse_qsl(request.body.decode("ascii"), keep_blank_values=True) == PAIRS


def test_a_call_may_differ_from_its_profile(tmp_path):
    """The stored payload as JSON, where all else are forms."""
    order = ORDER + "    send_as: json\n"
    with target(tmp_path, profile=PROFILE + "send_as: form\n", order=order) as (shop, fake):
        sent(shop)
    assert (fake.asked[0].headers["Content-Type"], fake.asked[0].body) == (
        "application/json",
        b'{"Ref":"R-1"}',
    )


NUMBERS = """\
    body:
      customer: "= '031' | dec"
      amount: "= '8.10' | dec(2)"
      ref: = reference
      mail: = true
      page: = 20
"""


@pytest.mark.parametrize(
    ("more", "body"),
    [
        ("", b'{"customer":"31","amount":"8.10","ref":"007","mail":true,"page":"20"}'),
        ("numbers: json\n", b'{"customer":31,"amount":8.10,"ref":"007","mail":true,"page":20}'),
    ],
)
def test_a_profile_says_how_numbers_travel(tmp_path, more, body):
    """Text stays text either way, zeros in front and all; no digit is lost."""
    with target(tmp_path, profile=PROFILE + more, order=ORDER + NUMBERS) as (shop, fake):
        assert sent(shop, "007") == Done(key="7")
    assert fake.asked[0].body == body


LOGIN = """\
session:
  login:
    method: POST
    path: /token
    send_as: form
    body: {grant_type: password, username: = conn.auth.user, password: = conn.auth.password}
  save: {token: = reply.access_token}
headers: {Authorization: "Bearer {{ session.token }}"}
"""


@pytest.mark.parametrize("everywhere", [False, True])
def test_a_login_may_send_a_form(tmp_path, everywhere):
    """As OAuth's token endpoints demand it; the calls behind it send JSON, or forms as well."""
    profile = PROFILE + LOGIN
    if everywhere:
        profile = PROFILE + "send_as: form\n" + LOGIN.replace("    send_as: form\n", "")
    auth = {"type": "body", "user": "ann", "password": "a&b=ü"}
    answer = b'{"access_token": "t-1", "id": 7}'
    with target(tmp_path, auth, answer, profile=profile, order=ORDER) as (shop, fake):
        assert sent(shop) == Done(key="7")
    login, create = fake.asked
    given = {"grant_type": "password", "username": "ann", "password": "a&b=ü"}
    assert dict(parse_qsl(login.body.decode())) == given
    assert create.headers["Authorization"] == "Bearer t-1"
    assert login.headers["Content-Type"] == KIND
    assert create.headers["Content-Type"] == (KIND if everywhere else "application/json")


def test_oauth_1_signs_the_pairs_of_a_form(tmp_path):
    """RFC 5849, 3.4.1.3: the server rebuilds the signature from query and form together."""
    auth = {"type": "oauth1", "user": "ck", "password": "cs"}
    order = ORDER + AS_FORM + BODY
    with target(tmp_path, auth, profile=PROFILE, order=order) as (shop, fake):
        sent(shop)
    [request] = fake.asked
    said = dict(parse_qsl(request.headers["Authorization"][6:].replace(", ", "&").replace('"', "")))
    mac = said.pop("oauth_signature")
    pairs = [*PAIRS, ("expand", "all"), *said.items()]

    def spelled(text):
        return quote(text, safe="-._~")

    inner = "&".join(f"{k}={v}" for k, v in sorted((spelled(k), spelled(v)) for k, v in pairs))
    base = f"POST&{spelled(fake.url + '/v1/orders')}&{spelled(inner)}"
    right = hmac.new(b"cs&", base.encode(), hashlib.sha256).digest()
    assert base64.b64decode(mac) == right


@pytest.mark.parametrize("content", ["text", ["a"], {"a": object()}, {"a": {"b": 0.5}}])
def test_what_no_form_can_carry_is_not_sent(content):
    """A fault that names the body, before the call."""
    with pytest.raises(FieldErrors) as caught:
        form(content)
    [fault] = caught.value.faults
    assert (fault.field, fault.code) == ("body", "not_a_form")


def test_a_create_whose_body_is_no_form_is_refused(tmp_path):
    """Nothing goes out, and the record says why."""
    with target(tmp_path, profile=PROFILE, order=ORDER + AS_FORM + "    body: [a]\n") as (
        shop,
        fake,
    ):
        outcome = sent(shop)
    assert isinstance(outcome, Refused)
    assert (outcome.code, fake.asked) == ("not_a_form", [])


NAMES = st.text("abcé &=+%.", min_size=1, max_size=5)
TREES = st.recursive(
    st.text(min_size=1) | st.integers() | st.booleans() | st.decimals(allow_nan=False, places=3),
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(NAMES, inner, min_size=1, max_size=3)
    ),
    max_leaves=12,
)


@given(st.dictionaries(NAMES, TREES, max_size=4))
def test_a_form_says_what_the_tree_says(tree):
    """The workbench folds its pairs back: a case names `call.body.rows[0].sku` as in JSON."""
    sent = Sent(method="POST", url="x", headers={"content-type": KIND}, body=form(tree))
    assert (body_of(sent) or {}) == in_texts(tree)


def in_texts(tree):
    """A tree with each value as the text that a form has for it."""
    match tree:
        case dict():
            return {name: in_texts(one) for name, one in tree.items()}
        case list():
            return [in_texts(one) for one in tree]
        case bool():
            return str(tree).lower()
        case Decimal():
            return f"{tree:f}"
        case _:
            return str(tree)


@pytest.mark.parametrize(
    ("profile", "order", "cure"),
    [
        ("", "    send_as: from\n", "form"),
        ("send_as: yaml\n", "", "json"),
        ("", "  get: {method: GET, path: /x, send_as: form}\n", "only what sends one has"),
        ("", "  get: {op: Read, send_as: form}\n", "only what sends one has"),
    ],
)
def test_where_there_is_no_body_nothing_says_how_it_travels(tmp_path, profile, order, cure):
    """A slip is told when the profile is loaded."""
    with pytest.raises(ConfigError) as caught:
        profile_of(tmp_path, profile=PROFILE + profile, order=ORDER + order)
    assert "send_as" in str(caught.value)
    assert cure in str(caught.value)


@pytest.mark.parametrize("said", ["send_as: form", "numbers: json"])
def test_what_soap_sends_its_contract_says(tmp_path, said):
    """Nothing reads these there."""
    soap = PROFILE.replace("rest", "soap").replace("base:", "title:") + said
    with pytest.raises(ConfigError, match=f"`{said.partition(':')[0]}` is for REST"):
        profile_of(tmp_path, profile=soap)
