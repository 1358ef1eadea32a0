"""Where no contract says what comes back, samples do: a misspelt path into a reply is told."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from connector.places import mappings_folder
from connector.problems import Problems
from connector.workbench.lint import Report, lint
from connector.workbench.opened import open_profile


def judged(
    tmp_path: Path,
    file: str = "",
    spoil: tuple[str, str] = ("", ""),
    *,
    lose: str = "",
    bad: str = "",
) -> Report:
    """The report on the shipped shop with one text spoilt, or one sample lost or no JSON."""
    home = tmp_path / "woocommerce"
    shutil.copytree(mappings_folder() / "woocommerce", home)
    if file:
        text = (home / file).read_text()
        assert spoil[0] in text
        (home / file).write_text(text.replace(*spoil, 1))
    if lose:
        (home / "samples" / lose).unlink()
    if bad:
        (home / "samples" / bad).write_text('{"id": 7')
    problems = Problems()
    opened = open_profile("woocommerce", [tmp_path], problems)
    assert opened is not None
    return lint(opened, problems)


@pytest.mark.parametrize(
    ("file", "right", "wrong", "lost"),
    [
        (
            "product.yaml",
            "version: = reply.date_modified_gmt",
            "version: = reply.modified",
            "modified",
        ),
        ("product.yaml", "key: = reply.id", "key: = reply.ID", "ID"),
        ("product.yaml", "key: = reply.data.resource_id", "key: = reply.data.holder", "holder"),
        ("product.yaml", "reply.code == 'product_invalid_sku'", "reply.kode == 'x'", "kode"),
        ("product.yaml", "item.parent_id ~", "item.parent ~", "parent"),
        ("product.yaml", "$if: = item.type ==", "$if: = item.typ ==", "typ"),
        ("product.yaml", "/products/{{ item.id }}/", "/products/{{ item.no }}/", "no"),
        ("stock.yaml", "answers: = reply.update", "answers: = reply.updated", "updated"),
        ("stock.yaml", "answer:  = item.id", "answer:  = item.key", "key"),
        (
            "stock.yaml",
            "status:  = item.error.data.status",
            "status:  = item.error.status",
            "status",
        ),
        ("profile.yaml", "message: = reply.message", "message: = reply.text", "text"),
    ],
)
def test_a_path_that_no_sample_has_is_told_where_it_stands(
    tmp_path: Path, file: str, right: str, wrong: str, lost: str
) -> None:
    """It would find nothing in a reply to what was done, and make a doubt of it."""
    report = judged(tmp_path, file, (right, wrong))
    [one] = report.problems
    assert f"no `{lost}` is answered" in one.message
    assert Path(one.file).name == file


def test_the_shipped_profile_leaves_no_reply_untried(tmp_path: Path) -> None:
    """Each path into a reply has its sample."""
    report = judged(tmp_path)
    assert (report.problems, report.notes) == ((), ())


@pytest.mark.parametrize("name", ["product.create.json", "product.create.other.json"])
def test_a_sample_that_cannot_be_read_is_told_with_its_file(tmp_path: Path, name: str) -> None:
    """Half a reply, or a page that somebody saved: no mistake of ours, and the rest is judged."""
    report = judged(tmp_path, "product.yaml", ("item.parent_id ~", "item.parent ~"), bad=name)
    told = {Path(one.file).name: one.message for one in report.problems}
    assert told.keys() == {"product.yaml", name}
    assert "is not JSON" in told[name]


@pytest.mark.parametrize(
    ("lose", "note"),
    [
        ("product.create.json", "(samples/product.create.json): its `key` is untried"),
        ("stock.update.json", "(samples/stock.update.json): its `bulk` is untried"),
    ],
)
def test_what_has_no_sample_is_said(tmp_path: Path, lose: str, note: str) -> None:
    """Nothing is taken for right that was not tried."""
    assert any(note in told for told in judged(tmp_path, lose=lose).notes)


@pytest.mark.parametrize(
    ("path", "told"),
    [("reply.orders.order", ""), ("reply.orders.ordr", "did you mean `order`")],
)
def test_samples_of_replies_in_xml_are_held_against_paths_too(
    tmp_path: Path, path: str, told: str
) -> None:
    """Of a profile whose replies are XML; its root stands for the reply."""
    home = tmp_path / "p"
    (home / "samples").mkdir(parents=True)
    (home / "profile.yaml").write_text(
        'profile: p\nversion: "1"\nprotocol: rest\nbase: "{{ conn.url }}"\n'
        "replies: xml\nlists: [order]\n"
    )
    find = f"{{method: GET, path: /o, items: = {path}, reference: = item.ref}}"
    (home / "order.yaml").write_text(
        f"entity: order\nkey: = id\nread: {{number: = ref}}\nactions:\n  find: {find}\n"
    )
    one = "<shop><orders><order><id>7</id><ref>R</ref></order></orders></shop>"
    (home / "samples" / "order.find.xml").write_text(one)
    problems = Problems()
    opened = open_profile("p", [tmp_path], problems)
    assert opened is not None
    report = lint(opened, problems)

    assert told in str(problems)
    assert bool(problems.found) is bool(told)
    assert "no sample of its reply" not in "".join(report.notes)
