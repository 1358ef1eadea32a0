"""Loading: folders in order, `extends` with dotted leaves, and every mistake with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from profiles_on_disk import ORDER, PROFILE, SITE, write

from connector.documents import Order, document_of
from connector.errors import ConfigError, FieldErrors
from connector.mapping.compile import Compiled, compile_profile
from connector.mapping.load import leaves, load_profile
from connector.problems import Problems

PAYLOAD = {"id": 7, "state": "new", "at": "2026-07-01T12:00:00", "cur": "EUR", "sum": "1.00"}


def compiled(folder: Path, name: str = "base", zone: str = "UTC") -> Compiled:
    problems = Problems()
    raw = load_profile(name, [folder], problems)
    made = raw and compile_profile(raw, problems, zone=ZoneInfo(zone))
    problems.raise_if_any()
    assert made is not None
    return made


def mistakes(folder: Path, name: str = "base") -> str:
    problems = Problems()
    raw = load_profile(name, [folder], problems)
    assert raw is None or compile_profile(raw, problems) is None
    return str(problems)


def order(**changes: object) -> Order:
    known = {
        "number": "7",
        "status": "confirmed",
        "placed_at": datetime(2026, 1, 1, tzinfo=UTC),
        "currency": "EUR",
        "total": "1",
        "lines": [{"key": "1", "quantity": "1", "net": "1", "tax": "0", "name": "Tee"}],
    }
    return document_of(Order, known | changes)


def payload(made: Compiled, doc: Order) -> dict[str, object]:
    names = {"conn": {"fee": "9"}, "reference": "R", "there": lambda ref: ref.key}
    return made.writers["order"].payload(doc, **names)


def test_a_profile_reads_and_writes(tmp_path: Path) -> None:
    """The smallest whole profile."""
    made = compiled(write(tmp_path, base__profile=PROFILE, base__order=ORDER))
    doc = made.readers["order"].document(PAYLOAD)

    assert (doc.number, doc.total) == ("7", Decimal("1.00"))
    assert payload(made, order())["list"] == {"part": [{"name": "Tee", "net": "1.00"}]}


def test_a_site_changes_single_leaves_deep_inside_named_parts(tmp_path: Path) -> None:
    """Dotted leaves reach into `$concat`; `$drop` removes; what is not named stays."""
    site = (
        SITE + "write:\n  list.part.goods.name: '{{ l.name }}!'\n  note: $drop\n  fee: = conn.fee\n"
    )
    folder = write(tmp_path, base__profile=PROFILE, base__order=ORDER, site__order=site)
    made = compiled(folder, "site")

    assert made.writers["order"].fields == ("ref", "list", "fee")
    assert payload(made, order()) == {
        "ref": "R",
        "list": {"part": [{"name": "Tee!", "net": "1.00"}]},
        "fee": "9",
    }


def test_every_leaf_remembers_its_file_and_line(tmp_path: Path) -> None:
    """`map show` tells which file said what."""
    site = SITE + "write:\n  note: fixed\n"
    folder = write(tmp_path, base__profile=PROFILE, base__order=ORDER, site__order=site)
    raw = load_profile("site", [folder], Problems())
    assert raw is not None
    places = {
        p: f"{Path(n.file).parent.name}:{n.line}" for p, _, n in leaves(raw.entities["order"])
    }

    assert places["write.note"] == "site:4"
    assert places["write.ref"] == "base:10"


def test_tables_merge_row_by_row_and_replace_starts_anew(tmp_path: Path) -> None:
    """A site adds rows; `$replace` drops the profile's."""
    write(tmp_path, base__profile=PROFILE, base__order=ORDER)
    write(tmp_path, site__order=SITE + "tables: {state: {old: cancelled}}\n")
    write(tmp_path, anew__order=SITE + "tables: {state: {$replace: 'true', old: cancelled}}\n")
    site, anew = (compiled(tmp_path, n).readers["order"] for n in ("site", "anew"))

    assert site.document(PAYLOAD).status == "confirmed"
    assert site.document(PAYLOAD | {"state": "old"}).status == "cancelled"
    with pytest.raises(FieldErrors, match="unmapped"):
        anew.document(PAYLOAD)


def test_an_own_folder_of_the_same_name_may_extend_the_shipped_one(tmp_path: Path) -> None:
    """The search goes on behind the folder that extends its own name."""
    shipped = write(tmp_path / "shipped", base__profile=PROFILE, base__order=ORDER)
    own = write(tmp_path / "own", base__order=SITE + "write: {note: mine}\n")
    problems = Problems()
    raw = load_profile("base", [own, shipped], problems)
    assert raw is not None
    made = compile_profile(raw, problems)

    assert made is not None
    assert payload(made, order())["note"] == "mine"


def test_a_wsdl_lies_beside_the_file_that_names_it(tmp_path: Path) -> None:
    """A site that extends a profile may bring a WSDL of its own, or keep the profile's."""
    erp = 'services: {erp: {wsdl: erp.wsdl, endpoint: "{{ conn.url }}"}}\n'
    soap = f'profile: base\nversion: "1.0"\nprotocol: soap\n{erp}'
    own = "services: {erp: {wsdl: own.wsdl}}\n"
    files = write(
        tmp_path,
        base__profile=soap,
        keeps__profile="profile: keeps\nextends: base\n",
        brings__profile="profile: brings\nextends: base\n" + own,
    )
    for wsdl in ("base/erp.wsdl", "brings/own.wsdl"):
        (files / wsdl).write_text("<x/>", encoding="utf-8")

    assert compiled(files, "keeps").profile.services["erp"].wsdl == files / "base" / "erp.wsdl"
    assert compiled(files, "brings").profile.services["erp"].wsdl == files / "brings" / "own.wsdl"


def test_a_flow_lays_its_rows_over_the_tables(tmp_path: Path) -> None:
    """`tables:` of a flow; a table that is not there is an error with the nearest name."""
    files = write(tmp_path, base__profile=PROFILE, base__order=ORDER)
    site = write(files, site__order=SITE + "write: {note: = doc.status | table('state')}\n")
    writer = compiled(site, "site").writers["order"]
    more = writer.with_tables({"state": {"confirmed": "failed"}})
    names = {"conn": {}, "reference": "R", "there": lambda ref: ref.key}

    assert more.payload(order(), **names)["note"] == "failed"
    assert more.digest != writer.digest
    with pytest.raises(ConfigError, match="did you mean `state`"):
        writer.with_tables({"staet": {}})


def test_what_makes_another_document_makes_another_digest(tmp_path: Path) -> None:
    """R14: map, tables and zone are in it; comments and order of keys are not."""
    write(tmp_path, base__profile=PROFILE, base__order=ORDER)
    turned = ORDER.replace("new: confirmed, else: error", "else: error, new: confirmed")
    write(tmp_path / "b", base__profile=PROFILE, base__order="# x\n" + turned)
    write(tmp_path / "c", base__profile=PROFILE, base__order=ORDER.replace("= sum", "= sum2"))
    first, same, other = (
        compiled(f).readers["order"].digest for f in (tmp_path, tmp_path / "b", tmp_path / "c")
    )

    assert first == same
    assert first != other


def test_a_naive_time_means_what_the_profile_says(tmp_path: Path) -> None:
    """`times: connection` takes the connection's zone; utc is the rule otherwise."""
    here = write(tmp_path, base__profile=PROFILE + "times: connection\n", base__order=ORDER)
    read = compiled(here, zone="Europe/Berlin").readers["order"].document(PAYLOAD)

    assert read.placed_at == datetime(2026, 7, 1, 10, tzinfo=UTC)


def test_blank_means_absent_only_where_the_profile_says_so(tmp_path: Path) -> None:
    """`empty: null` turns '' into null, and a needed field into a fault."""
    write(tmp_path, base__profile=PROFILE + "empty: null\n", base__order=ORDER)

    with pytest.raises(FieldErrors, match="currency: missing"):
        compiled(tmp_path).readers["order"].document(PAYLOAD | {"cur": ""})


def test_an_unreadable_payload_names_all_its_fields_and_no_value(tmp_path: Path) -> None:
    """R15: field, code, cure and place; never what stood there."""
    reader = compiled(write(tmp_path, base__profile=PROFILE, base__order=ORDER)).readers["order"]
    bad = {"id": 7, "state": "canary1", "at": "canary2", "cur": "canary3", "sum": 1.5}
    with pytest.raises(FieldErrors) as caught:
        reader.document(bad)

    codes = {f.field: f.code for f in caught.value.faults}
    assert codes == {
        "status": "unmapped",
        "placed_at": "not_a_time",
        "currency": "not_a_code",
        "total": "not_a_number",
    }
    assert "canary" not in str(caught.value)
    assert "order.yaml:5" in str(caught.value)


def test_a_missing_reference_propagates_untouched(tmp_path: Path) -> None:
    """What the engine raises to say `not linked yet` is the engine's own."""

    class Missing(LookupError):
        pass

    def there(ref: object) -> str:
        raise Missing

    text = ORDER.replace("note: = doc.note", "who: = doc.customer | there")
    writer = compiled(write(tmp_path, base__profile=PROFILE, base__order=text)).writers["order"]
    known = {"conn": {}, "reference": "R", "there": there}

    assert writer.references == {"customer"}
    with pytest.raises(Missing):
        writer.payload(order(customer={"entity": "customer", "key": "1"}), **known)
    with pytest.raises(FieldErrors, match="who: no_reference"):
        writer.payload(order(), **known)


BULK = "actions: {{update: {{method: POST, bulk: {{{}}}}}}}\n"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"base__profile": PROFILE + "limts: {}\n"}, "did you mean `limits`"),
        ({"base__profile": PROFILE + "limits: {per_second: many}\n"}, "whole number"),
        ({"base__profile": PROFILE + "limits: {rate: 5}\n"}, "unknown key `rate`"),
        ({"base__profile": PROFILE.replace("rest", "soup")}, "did you mean `soap`"),
        ({"base__profile": PROFILE.replace("protocol: rest\n", "")}, "add `protocol: rest`"),
        ({"base__profile": PROFILE + "capabilities: {changes: scna}\n"}, "did you mean `scan`"),
        ({"base__profile": PROFILE + "lag: 5\n"}, "write a whole number and a unit"),
        ({"base__order": ORDER.replace("key:", "kye:")}, "did you mean `key`"),
        ({"base__order": ORDER.replace("entity: order", "entity: oder")}, "did you mean `order`"),
        ({"base__order": ORDER.replace("  number:", "  numbr:")}, "did you mean `number`"),
        ({"base__order": ORDER.replace("l.net", "l.nett")}, "did you mean `net`"),
        ({"base__order": ORDER.replace("doc.note", "doc.customer")}, "`| there`"),
        ({"base__order": ORDER.replace("doc.note", "doc.billing")}, "one by one"),
        ({"base__order": ORDER.replace("doc.note", "conn.fees")}, "did you mean `fee`"),
        ({"base__order": ORDER + "actions: {creat: {op: X}}\n"}, "did you mean `create`"),
        ({"base__order": ORDER + "actions: {create: {path: /x}}\n"}, "`method` (REST)"),
        ({"base__order": ORDER + "actions: {create: {method: PSOT}}\n"}, "did you mean `POST`"),
        ({"base__order": ORDER + "actions: {find: {method: GET}}\n"}, "add `reference:`"),
        (
            {"base__order": ORDER + "actions: {update: {method: PUT, can: [nots]}}\n"},
            "did you mean `note`",
        ),
        ({"base__order": ORDER + BULK.format("row: {id: = key}")}, "lacks `row` or `answers`"),
        (
            {"base__order": ORDER + BULK.format("row: {a: = key}, answers: = reply, id: = key")},
            "has one of `id` and `answer`",
        ),
        ({"base__order": ORDER + BULK.format("rows: = key")}, "did you mean `row`"),
        ({"base__order": ORDER + "errors: [{else: refsued}]\n"}, "did you mean `refused`"),
        (
            {"base__order": ORDER + "errors: [{else: refused}, {when: = reply, outcome: gone}]\n"},
            "move `else` to the end",
        ),
        (
            {"base__order": ORDER + "errors: [{when: reply.x == 1, outcome: gone}]\n"},
            "is plain text, not an expression",
        ),
        ({"base__order": ORDER.replace("= id\nread", "id\nread")}, "write `= ` before it"),
        (
            {"base__order": ORDER + "actions: {get: {method: GET, item: reply.order}}\n"},
            "write `= ` before it",
        ),
        ({"base__profile": PROFILE + "walk: {type: cursor, from: next}\n"}, "write `= ` before"),
        ({"base__order": ORDER + "write: {}\n"}, "key stands twice"),
        ({"site__order": "extends: bsae\nentity: order\n"}, "did you mean `base`"),
        ({"site__order": SITE + "needs: base >= 1.4\n"}, "map show"),
        ({"site__order": SITE + "needs: other > 1\n"}, "name that one"),
        ({"site__order": SITE + "write: {lst.part: x}\n"}, "did you mean `list`"),
        ({"site__order": "extends: site\nentity: order\n"}, "no profile `site`"),
    ],
)
def test_a_mistake_is_told_with_place_and_cure(
    tmp_path: Path, files: dict[str, str], says: str
) -> None:
    """Every message names file, line and what to write instead."""
    whole = {"base__profile": PROFILE, "base__order": ORDER, **files}
    found = mistakes(write(tmp_path, **whole), "site" if "site__order" in files else "base")

    assert says in found
    assert ".yaml:" in found


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    """Nobody repairs a profile one error at a time."""
    text = ORDER.replace("= id", "= id |").replace("l.net", "l.nett").replace("= sum", "=sum")
    found = mistakes(write(tmp_path, base__profile=PROFILE + "lag: 5\n", base__order=text))

    assert found.count("cure:") == 5


def test_a_key_is_what_an_element_says_beside_its_attributes(tmp_path: Path) -> None:
    """An item is taken whole, with its attributes."""
    actions = "actions: {get: {method: GET, item: = reply.One, key: = reply.One}}\n"
    folder = write(tmp_path, base__profile=PROFILE, base__order=ORDER + actions)
    one = {"@schemeID": "X", "$value": "7"}
    entity = compiled(folder).profile.entities["order"]
    get, names = entity.actions["get"], {"reply": {"One": one}}

    assert entity.key is not None
    assert get.item is not None
    assert get.steps[0].key is not None
    assert entity.key({"id": one}) == "7" == get.steps[0].key(names)
    assert get.item(names) == one


def test_a_version_in_range_is_accepted(tmp_path: Path) -> None:
    """1.10 is newer than 1.9, and 1.3 is 1.3.0."""
    site = SITE + "needs: base >= 1.3.0, < 1.10\n"
    folder = write(tmp_path, base__profile=PROFILE, base__order=ORDER, site__order=site)

    assert compiled(folder, "site").profile.version == "1.3"
