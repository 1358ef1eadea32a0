"""Masks: what is not known to be harmless is masked, equal words equally, forms kept."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connector.errors import ConnectorError
from connector.places import mappings_folder
from connector.workbench.masking import Mask
from connector.workbench.recording import KEY_FILE, secret_beside

ORDER: dict[str, Any] = {
    "id": 5120,
    "number": "5120",
    "status": "processing",
    "currency": "EUR",
    "total": "61.29",
    "net": Decimal("51.50"),
    "date_created_gmt": "2026-03-02T09:14:05",
    "customer_ip_address": "192.0.2.17",
    "customer_note": "Please ring at Okonkwo, 0341 5550101",
    "billing": {
        "first_name": "Ada",
        "last_name": "Okonkwo",
        "address_1": "Lindenweg 7",
        "postcode": "04107",
        "country": "DE",
        "email": "ada.okonkwo@mail.okonkwo.de",
        "phone": "+49 341 5550101",
    },
    "line_items": [{"sku": "OKONKWO-1", "name": "Tee &amp; <b>Kanne</b>", "quantity": 2}],
    "meta_data": [
        {"key": "_billing_phone", "value": "03415550101"},
        {"key": "vat_id", "value": "DE811907980"},
        {"key": "gift", "value": "017012345678"},
    ],
    "wallet": 491701234567,
    "payment_url": "https://shop.okonkwo.de/pay?order=5120",
}
MASK = Mask(b"s" * 32)


def test_no_personal_word_stays() -> None:
    """Not a name, not a number of a telephone, not in a place that nobody thought of."""
    text = json.dumps(MASK.payload(ORDER), default=str).casefold()
    for word in ("okonkwo", "lindenweg", "04107", "5550101", "192.0", "811907980", "1701234567"):
        assert word not in text, word
    assert '"ada' not in text


def test_what_a_mapping_needs_stays() -> None:
    """Ids, states, codes, amounts, times: with them a sample is still one."""
    made: Any = MASK.payload(ORDER)
    for key in ("id", "number", "status", "currency", "total", "net", "date_created_gmt"):
        assert made[key] == ORDER[key]
    assert made["billing"]["country"] == "DE"
    assert made["line_items"][0]["quantity"] == 2
    assert [row["key"] for row in made["meta_data"]] == ["_billing_phone", "vat_id", "gift"]


def test_equal_words_have_equal_masks_everywhere() -> None:
    """The surname is one word in name, address, note and article, whatever its case."""
    made: Any = MASK.payload(ORDER)
    surname = made["billing"]["last_name"]
    assert made["customer_note"].split()[3] == f"{surname},"
    assert made["line_items"][0]["sku"].split("-")[0] == surname.upper()
    assert made["billing"]["email"].split("@")[0].split(".") == [
        made["billing"]["first_name"].lower(),
        surname.lower(),
    ]


def test_forms_are_kept() -> None:
    """An address stays one and is nobody's; markup, lengths and kinds of letters stay."""
    made: Any = MASK.payload(ORDER)
    assert re.fullmatch(r"[a-z]{3}\.[a-z]{7}@[a-z]{4}\.[a-z]{7}\.example", made["billing"]["email"])
    assert re.fullmatch(r"[A-Z][a-z]{8} \d", made["billing"]["address_1"])
    assert re.fullmatch(r"\+\d\d \d{3} \d{7}", made["billing"]["phone"])
    assert re.fullmatch(r"[A-Z][a-z]{2} &amp; <b>[A-Z][a-z]{4}</b>", made["line_items"][0]["name"])
    assert made["payment_url"].startswith("https://")
    assert ".example/" in made["payment_url"]


def test_another_secret_gives_other_masks() -> None:
    """Who has the sample and not the secret cannot try words."""
    other: Any = Mask(b"t" * 32).payload(ORDER)
    assert other["billing"]["last_name"] != MASK.payload(ORDER)["billing"]["last_name"]  # type: ignore[index,call-overload]


def test_words_of_the_mapping_stay() -> None:
    """What a table translates is no personal word."""
    made = Mask(b"s" * 32, frozenset({"mollie_ideal"})).payload({"way": "mollie_ideal", "x": "Ada"})
    assert made["way"] == "mollie_ideal"
    assert made["x"] != "Ada"


@example({"note": "0@example.A"})
@given(st.dictionaries(st.sampled_from(["note", "city", "value"]), st.text(max_size=30)))
def test_any_text_keeps_its_length_and_loses_its_words(payload: dict[str, str]) -> None:
    """Whatever alphabet it is in."""
    made = Mask(b"s" * 32).payload(payload)
    for key, value in payload.items():
        assert len(str(made[key])) == len(value) or "@" in value or "://" in value
        for word in re.findall(r"[a-z]{3,}", value):
            ours = word == "example"  # what a mask puts behind an address
            if not (ours or re.search(r"[&<]|://", value) or value in ("true", "false")):
                assert word not in re.findall(r"[a-z]{3,}", str(made[key]))


def test_the_shipped_samples_would_be_masked() -> None:
    """They are of our own making; recorded ones would look so."""
    path = mappings_folder() / "woocommerce" / "samples" / "order.json"
    text = json.dumps(MASK.payload(json.loads(path.read_text()))).casefold()
    assert [w for w in ("okonkwo", "lindenweg", "klingeln", "5550101") if w in text] == []


@pytest.mark.parametrize(
    "payload",
    [
        {"ref": "Imke Vogt"},  # Dolibarr's name of a customer
        {"id": "imke.vogt@web.example"},
        {"imke.vogt@web.example": {"total": "1.00"}},
        {"text": "From: Imke <imke.vogt@web.example>"},
        {"text": "Huber&Vogt; <Imke Huber>"},
        {"delivery_method": "An Imke Vogt"},
        {"tax_id": "811223344"},
        {"meta": [{"key": "national_id", "value": "811223344"}]},
    ],
)
def test_a_harmless_name_hides_nobody(payload: dict[str, Any]) -> None:
    """A code is one word without an @; an address in brackets is no tag."""
    text = json.dumps(Mask(b"s" * 32).payload(payload)).casefold()
    assert [w for w in ("imke", "vogt", "811223344") if w in text] == []


def test_a_number_with_an_exponent_is_masked_as_a_number() -> None:
    """It is written out first."""
    assert isinstance(MASK.payload({"x": Decimal("1E+20")})["x"], Decimal)


@pytest.mark.parametrize("kept", [b"", b"x", b"s" * 31])
def test_a_short_secret_is_none(tmp_path: Path, kept: bytes) -> None:
    """Who copies it or empties it is told; a whole one is used again."""
    made = secret_beside(tmp_path)
    assert (len(made), secret_beside(tmp_path)) == (32, made)
    (tmp_path / KEY_FILE).write_bytes(kept)
    with pytest.raises(ConnectorError, match="is no secret"):
        secret_beside(tmp_path)
