"""Exact numbers in a JSON body: as text, or as the numbers that a system insists on."""

from __future__ import annotations

import pytest
from answering import Fake, profile_of, sent, system

from connector.values import Done

PROFILE = """\
profile: p
version: "1"
protocol: rest
base: "{{ conn.url }}"
"""
ORDER = """\
entity: order
read: {number: = ref}
write: {ref: = reference}
actions:
  create:
    method: POST
    path: /orders
    key: = reply.id
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
    profile = profile_of(tmp_path, profile=PROFILE + more, order=ORDER)
    fake = Fake(lambda _: (200, [], b'{"id": 7}'))
    target = system(profile, fake.url, {"type": "none"})
    try:
        assert sent(target, "007") == Done(key="7")
        assert fake.asked[0].body == body
    finally:
        target.close()
        fake.close()
