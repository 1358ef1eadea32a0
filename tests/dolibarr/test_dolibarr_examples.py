"""The examples of the design work as they are written (skipped where they are not at hand)."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from dolibarr_erp import Erp, compiled

from connector.places import mappings_folder
from connector.values import Absent, Done

BESIDE = Path(__file__).parents[2].with_name("shared") / "examples"
EXAMPLES = BESIDE if BESIDE.is_dir() else Path("/work/shared/examples")
pytestmark = pytest.mark.skipif(not EXAMPLES.is_dir(), reason="the examples are not here")


@pytest.fixture
def folder(tmp_path):
    """The examples as folders of mappings, with the contracts of the shipped profile."""
    home = tmp_path / "dolibarr"
    home.mkdir()
    (home / "wsdl").symlink_to(mappings_folder() / "dolibarr" / "wsdl")
    for stem in ("profile", "order"):
        (home / f"{stem}.yaml").write_text((EXAMPLES / f"dolibarr_{stem}.yaml").read_text())
    return tmp_path


def test_an_order_is_delivered_and_confirmed_by_the_example(folder, dolibarr, books):
    """Created, confirmed and read back; found by its reference, and no other one is."""
    erp = Erp(dolibarr.url, profile=compiled("dolibarr", folder), validate=True, warehouse="1")
    outcome = erp.create()
    found = erp.system.find("order", ["DE-1", "DE-2"])
    erp.system.close()

    assert outcome == Done(key="1")
    assert found["DE-1"].there["status"] == "confirmed"
    assert isinstance(found["DE-2"], Absent)
    assert books.rows["product"]["1"]["stock_real"] == "98"


def test_a_site_of_ten_lines_extends_the_example(folder, dolibarr, books):
    """Named parts of a list are changed from outside, tables merge."""
    text = (
        (EXAMPLES / "acme_erp_order.yaml").read_text().replace("dolibarr >= 1.2", "dolibarr >= 1")
    )
    site = folder / "acme_erp"
    site.mkdir()
    (site / "order.yaml").write_text(text.partition("tests:")[0])
    (site / "profile.yaml").write_text(
        "extends: dolibarr\nparameters: {project: {type: text, meaning: x}}\n"
    )
    erp = Erp(dolibarr.url, profile=compiled("acme_erp", folder), project="17")
    payload = erp.payload(payment={"method": "mollie_ideal", "reference": "T1"})
    erp.system.close()

    assert payload["project_id"] == "17"
    assert payload["note_private"] == "Shop 1381, iDEAL T1"
    assert "note_public" not in payload
    assert payload["lines"]["line"][0]["desc"].endswith("Goods 1")


def test_the_example_of_a_site_fits_the_shipped_profile(tmp_path, dolibarr, books):
    """As it is written, `needs` and parameters of config.yaml included."""
    (tmp_path / "dolibarr").symlink_to(mappings_folder() / "dolibarr")
    site = tmp_path / "acme_erp"
    site.mkdir()
    (site / "order.yaml").write_text((EXAMPLES / "acme_erp_order.yaml").read_text())
    (site / "profile.yaml").write_text(
        "extends: dolibarr\nparameters: {project: {type: text, meaning: x}}\n"
    )
    made = compiled("acme_erp", tmp_path)
    erp = Erp(dolibarr.url, profile=made, project="17", rounding_item="903")
    outcome = erp.create(total="29.76", payment={"method": "mollie_ideal"})
    erp.system.close()

    [row] = books.rows["order"].values()
    assert outcome == Done(key="1")
    assert [one["desc"] for one in row["lines"]][-1] == "Rounding"
    assert row["total"] == "29.76000000"
    configured = yaml.safe_load((EXAMPLES / "config.yaml").read_text())["connections"]["erp"]
    assert configured["with"].keys() <= made.parameters.keys()
