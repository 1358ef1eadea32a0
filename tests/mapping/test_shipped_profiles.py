"""The shipped profiles: real shop orders read whole, and become what the sandbox ERP takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs
from msgspec.structs import asdict

from connector.documents import Order, Product, unexplained
from connector.documents.fields import Part
from connector.documents.keeping import kept
from connector.errors import FieldErrors
from connector.ledger.content import pack, unpack
from connector.mapping.compile import Compiled, compile_profile
from connector.mapping.faults import Fault
from connector.mapping.filtering import TABLES, THERE
from connector.mapping.load import load_profile
from connector.mapping.preview import read_preview, write_preview
from connector.mapping.read import Reader
from connector.mapping.rendering import Sink, Tree
from connector.mapping.straight import FAILS
from connector.mapping.write import plain as as_json
from connector.problems import Problems
from connector.values import Ref

SHIPPED = Path(__file__).parents[2] / "mappings"
SAMPLES = Path("/work/shared/samples/woocommerce")
EXAMPLES = Path("/work/shared/examples")
CONN = {"zone": "Europe/Berlin", "release": True}


def compiled(name: str, folder: Path = SHIPPED) -> Compiled:
    problems = Problems()
    raw = load_profile(name, [folder], problems)
    made = raw and compile_profile(raw, problems)
    problems.raise_if_any()
    assert made is not None
    return made


SHOP, ERP = compiled("woocommerce"), compiled("sandbox_erp")


def shop_order(**changes: Any) -> dict[str, Any]:
    """A small order in the shop's own form."""
    person = {"first_name": "Wáng", "last_name": "Xiǎomíng 🫖", "company": "", "country": "DE"}
    place = {"address_1": "Am Hof 1", "address_2": "", "city": "Ulm", "state": "", "postcode": "89"}
    address = person | place | {"email": "w@example.test", "phone": ""}
    taxes = [{"id": 1, "total": "1.90", "subtotal": "1.90"}]
    line = {"id": 11, "name": "A &amp; B", "product_id": 5, "variation_id": 6, "quantity": 2}
    line |= {"subtotal": "12.00", "total": "10.00", "total_tax": "1.90", "taxes": taxes, "sku": ""}
    free = {"id": 12, "method_id": "flat_rate", "method_title": "Post", "total": "0.00"}
    free |= {"total_tax": "0.00", "taxes": [{"id": 1, "total": "", "subtotal": ""}]}
    dates = {"date_created_gmt": "2026-01-31T23:30:00", "date_modified_gmt": "2026-02-01T00:00:00"}
    order = {"id": 7, "number": "7", "status": "processing", "currency": "EUR", "customer_id": 3}
    order |= dates | {"date_paid_gmt": None, "order_key": "k", "customer_note": "", "fee_lines": []}
    order |= {"billing": address, "shipping": dict.fromkeys(address, ""), "line_items": [line]}
    order |= {"shipping_lines": [free], "tax_lines": [{"rate_id": 1, "rate_percent": 19}]}
    order |= {"total_tax": "1.90", "total": "11.90", "payment_method": "cod", "transaction_id": ""}
    refund = {"id": 70, "reason": "", "total": "-2.50"}
    return order | {"refunds": [refund]} | changes


def read(**changes: Any) -> Order:
    doc = SHOP.readers["order"].document(shop_order(**changes))
    assert isinstance(doc, Order)
    return doc


def sent(doc: Order, **conn: Any) -> dict[str, Any]:
    names: Any = {"conn": CONN | conn, "reference": "DE-7", "there": lambda ref: f"ERP-{ref.key}"}
    return ERP.writers["order"].payload(doc, **names)


def test_an_order_is_read_in_our_terms() -> None:
    """Blank is absent, a variation wins over its product, a refund is positive."""
    doc = read()

    assert (doc.status, doc.note, doc.customer) == ("confirmed", None, ref("customer", "3"))
    assert (doc.lines[0].product, doc.lines[0].sku) == (ref("product", "6"), None)
    assert doc.lines[0].name == "A & B"
    assert doc.refunds[0].amount == Decimal("2.50")
    assert doc.shipping_lines[0].taxes == ()


def ref(entity: str, key: str) -> Ref:
    return Ref(entity=entity, key=key)


def test_a_guest_has_no_customer() -> None:
    """customer_id 0 is nobody."""
    assert read(customer_id=0).customer is None


def test_a_product_has_its_own_price_or_the_one_that_shoppers_see() -> None:
    """A variable product has no own; a shop in WooCommerce's manner may not name it at all."""
    sample = json.loads((SHIPPED / "woocommerce/samples/product.json").read_text())
    bare = {k: v for k, v in sample.items() if k not in ("price", "regular_price")}
    for own, price in (
        ({"regular_price": "9.00"}, "9.00"),
        ({"regular_price": ""}, "8.00"),
        ({}, "8.00"),
    ):
        doc = SHOP.readers["product"].document(bare | {"price": "8.00"} | own)
        assert isinstance(doc, Product)
        assert doc.price == Decimal(price)


def test_identity_of_an_order() -> None:
    """Key, version, birth and deletion, as the ledger keeps them."""
    reader, order = SHOP.readers["order"], shop_order()

    assert (reader.key(order), reader.version(order)) == ("7", "2026-02-01T00:00:00")
    assert reader.birth(order) == '["7","2026-01-31T23:30:00","k"]'
    assert not reader.gone(order)
    assert reader.gone(shop_order(status="trash"))


def test_an_order_becomes_a_sales_order() -> None:
    """Our reference, their numbers, the day in the ERP's zone, every tax rate of a line."""
    made = sent(read())

    assert (made["ExternalRef"], made["CustomerNo"]) == ("DE-7", "ERP-3")
    assert (made["OrderDate"], made["Status"]) == ("2026-02-01", "paid")
    assert made["Note"] is None
    assert made["BillTo"] == made["ShipTo"]
    assert made["BillTo"]["Name"] == "Wáng Xiǎomíng 🫖"
    assert [line["Kind"] for line in made["Lines"]["Line"]] == ["item", "shipping"]
    goods = {"ItemNo": "ERP-6", "Quantity": "2", "NetAmount": "10.00", "TaxAmount": "1.90"}
    assert goods.items() <= made["Lines"]["Line"][0].items()
    assert made["Lines"]["Line"][0]["Tax"] == [{"Rate": "19", "Amount": "1.90"}]


def test_a_payload_is_plain_json() -> None:
    """What is stored as the intent comes back equal, so equality of payloads means something."""
    made = sent(read())

    assert json.loads(json.dumps(made)) == made
    assert made == sent(read())


def test_an_unknown_product_is_told_by_its_line() -> None:
    """A line without product cannot be sent, and the message says which."""
    line = shop_order()["line_items"][0] | {"product_id": 0, "variation_id": 0}

    with pytest.raises(FieldErrors, match=r"Lines\.Line\[0\]\.ItemNo: no_reference"):
        sent(read(line_items=[line]))


def test_a_cancelled_order_is_not_released() -> None:
    """The second step has its condition at sending and at looking."""
    confirm = ERP.profile.entities["order"].actions["create"].steps[1]
    assert confirm.when is not None
    assert confirm.when({"conn": CONN, "payload": {"Status": "paid"}})
    assert not confirm.when({"conn": CONN, "payload": {"Status": "cancelled"}})
    assert not confirm.when({"conn": CONN, "there": {"status": "cancelled"}})
    assert not confirm.when({"conn": {"release": False}, "payload": {"Status": "paid"}})


def test_what_is_there_is_read_in_our_terms_and_only_so_far() -> None:
    """A partial read: what `read` names, typed, nothing demanded."""
    entity = ERP.profile.entities["order"]
    item = {"ShopNumber": "7", "Status": "shipped", "Currency": "EUR", "GrandTotal": "11.9"}
    item |= {"Note": None, "TaxTotal": "1.90", "Released": "true"}
    assert entity.there is not None
    assert entity.locked is not None
    there = entity.there(item)

    assert there["total"] == Decimal("11.90")
    assert (there["status"], there["released"], "note" in there) == ("fulfilled", True, False)
    assert entity.locked({"there": there})


def test_the_erp_is_no_source_of_orders() -> None:
    """Its `read` lacks what an order must have, and that is said by name."""
    assert "order" not in ERP.readers
    assert ERP.incomplete["order"] == ("placed_at",)


def test_an_update_needs_a_version_where_it_sends_one() -> None:
    """Where none is sent, none is looked for before each update."""
    needed = {
        (name, entity.name): entity.actions["update"].versioned
        for name in ("dolibarr", "nav", "sandbox_erp", "woocommerce")
        for entity in compiled(name).profile.entities.values()
        if "update" in entity.actions
    }
    there = [(name, of) for name in ("nav", "sandbox_erp") for of in ("customer", "order")]
    assert [where for where, said in needed.items() if said] == there


def test_only_faults_that_precede_work_are_refusals() -> None:
    """S6: what no rule names stays in doubt."""
    rules = ERP.profile.errors
    fault = {"detail": {"BusinessError": {"Code": "locked"}}}
    holding = [r.outcome for r in rules if r.when and r.when({"fault": fault})]

    assert holding == ["refused"]
    assert not any(r.when and r.when({"fault": {"detail": ""}}) for r in rules)
    assert all(r.when for r in rules)


def test_the_list_of_orders_asks_in_the_one_safe_form() -> None:
    """UTC without sign, with the flag; an open bound is not sent."""
    step = SHOP.profile.entities["order"].actions["list"].steps[0]
    assert step.query is not None
    asked = step.query({"since": "2026-01-01T00:00:00", "until": None, "page": 1, "size": 100})

    assert asked["modified_after"] == "2026-01-01T00:00:00"
    assert asked["dates_are_gmt"] == "true"
    assert "modified_before" not in asked


def test_a_preview_names_the_line_behind_each_field() -> None:
    """Both halves of the way, each field with the file and line that made it."""
    document, read = read_preview(SHOP.readers["order"], shop_order())
    writer = ERP.writers["order"]
    sent = write_preview(writer, document, conn=CONN, reference="DE-7", there=lambda ref: ref.key)
    read_at = {m.path: m for m in read}
    sent_at = {m.path: m for m in sent}

    assert read_at["lines[0].taxes[0].rate"].expression.startswith("= l.taxes | join(")
    assert sent_at["Lines.Line[1].Kind"].expression == "shipping"
    lines = (SHIPPED / "sandbox_erp" / "order.yaml").read_text().splitlines()
    file, _, number = sent_at["BillTo.City"].origin.rpartition(":")
    assert file.endswith("sandbox_erp/order.yaml")
    assert "City:" in lines[int(number) - 1]
    assert all(m.origin for m in (*read, *sent))


def samples() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted(SAMPLES.glob("order*.json")):
        if ".meta." not in path.name and "notes" not in path.name:
            body = json.loads(path.read_text(), parse_float=Decimal)
            found += body if isinstance(body, list) else [body]
    return found


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded orders here")
def test_every_recorded_order_is_read_and_adds_up() -> None:
    """Over a hundred real orders: no fault, and the money guard holds for each to the cent."""
    docs = [SHOP.readers["order"].document(order) for order in samples()]

    assert len(docs) > 100
    assert [unexplained(d) for d in docs if isinstance(d, Order) and unexplained(d) != 0] == []


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded orders here")
def test_every_recorded_order_can_be_sent() -> None:
    """Each becomes a payload whose lines add up to the order's total."""
    for order in samples():
        doc = SHOP.readers["order"].document(order | {"customer_id": order["customer_id"] or 1})
        assert isinstance(doc, Order)
        lines = sent(doc)["Lines"]["Line"]
        total = sum(Decimal(x["NetAmount"]) + Decimal(x["TaxAmount"]) for x in lines)
        assert total == doc.total


def damaged(tree: Any) -> Iterator[Any]:
    """*tree* with each of its members left out or made something strange, one at a time."""
    for key in list(tree) if isinstance(tree, dict) else range(len(tree)):
        for strange in (None, "", "x", 5, Decimal("1.5"), True, [], {}, [{}]):
            yield {**tree, key: strange} if isinstance(tree, dict) else [strange]
        if isinstance(tree, dict):
            yield {k: v for k, v in tree.items() if k != key}
        if isinstance(tree[key], (dict, list)):
            for inner in damaged(tree[key]):
                yield {**tree, key: inner} if isinstance(tree, dict) else [inner]


def broken(part: Part) -> Iterator[Part]:
    """A document with one of its values, at any depth, made strange: nothing judges it."""
    for name, value in asdict(part).items():
        for strange in (None, "", "x", 5, Decimal("1.5"), True, [], {}, (), ({},)):
            yield structs.replace(part, **{name: strange})
        parts = value if isinstance(value, tuple) else (value,)
        for at, one in enumerate(parts):
            for inner in broken(one) if isinstance(one, Part) else ():
                some = (*parts[:at], inner, *parts[at + 1 :])
                yield structs.replace(part, **{name: some if value is parts else inner})


def traced(tree: Tree, names: dict[str, Any]) -> Any:
    """What a section makes where somebody asks what made it; None where it has faults."""
    sink = Sink(made={})
    made = tree.render(names, sink)
    return None if sink.faults else made


def straight(tree: Tree, names: dict[str, Any]) -> Any:
    """What the source for the usual case makes; Ellipsis where it fails."""
    try:
        return tree.make.plain(names)
    except (Fault, *FAILS):
        return ...


def test_nothing_is_rendered_otherwise_because_somebody_asks_what_made_it() -> None:
    """The plain way and the traced one make the same of good orders and of damaged ones."""
    reader, writer = SHOP.readers["order"], ERP.writers["order"]
    orders = [shop_order(), *damaged(shop_order())]
    names = [{**order, TABLES: reader.tables} for order in orders]
    told = {"conn": CONN, "reference": "DE-7", THERE: lambda ref: ref.key, TABLES: writer.tables}
    docs = [*broken(read()), read(), read(customer_id=0)]
    sections: list[tuple[Tree, list[dict[str, Any]], Callable[[Any], Any]]] = [
        (reader.tree, names, lambda value: value),
        (writer.tree, [told | {"doc": d} for d in docs], as_json),
    ]

    for tree, cases, form in sections:
        ways = [(straight(tree, one), traced(tree, one)) for one in cases]
        assert all(repr(form(slow)) == repr(quick) for quick, slow in ways if quick is not ...)
        assert straight(tree, cases[0 if tree is reader.tree else -2]) is not ...
        # what fails in straight lines is told by the closures, or was only unusual
        assert 100 < sum(slow is None for _, slow in ways) < len(ways) - 400
        assert all(quick is ... for quick, slow in ways if slow is None)
        assert sum(quick is ... for quick, slow in ways if slow is not None) < len(ways) / 20


def outcome(reader: Reader, payload: dict[str, Any]) -> list[str]:
    """The document of a payload, or what is wrong with it."""
    try:
        return [repr(reader.document(payload))]
    except FieldErrors as error:
        return [str(fault) for fault in error.faults]


def no_way(_names: object) -> None:
    raise Fault("none", "take the other way")


SHOP_SAMPLES = [  # payloads; NAME.ACTION.json is a reply
    path
    for path in sorted((SHIPPED / "woocommerce" / "samples").glob("*.json"))
    if "." not in path.stem
]


@pytest.mark.parametrize("path", SHOP_SAMPLES, ids=lambda path: path.stem)
def test_no_document_is_another_because_it_was_made_quickly(path: Path) -> None:
    """What pydantic makes of good payloads and of damaged ones is what comes of the quick way."""
    reader = SHOP.readers[path.stem.partition("_")[0].partition(".")[0]]
    judging = replace(reader, quick=Tree(replace(reader.quick.make, plain=no_way)))
    good = json.loads(path.read_text(), parse_float=Decimal)

    assert outcome(reader, good) == outcome(judging, good)
    assert kept(reader.model, reader.quick.make.plain({**good, TABLES: reader.tables}))
    for payload in damaged(good):
        assert outcome(reader, payload) == outcome(judging, payload)


def test_what_is_sent_is_what_the_ledger_keeps_of_it() -> None:
    """A payload is plain JSON already: the intent's bytes give the same tree, leaf by leaf."""
    made = sent(read(), release=True)

    assert json.dumps(unpack(pack(made)), sort_keys=True) == json.dumps(made, sort_keys=True)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="no examples here")
def test_the_examples_are_the_syntax(tmp_path: Path) -> None:
    """The profiles that define the language compile as they stand."""
    for name in ("woocommerce", "dolibarr"):
        folder = tmp_path / name
        (folder / "wsdl").mkdir(parents=True)
        for service in ("order", "thirdparty", "productorservice"):
            (folder / "wsdl" / f"server_{service}.wsdl").touch()
        for part in ("profile", "order"):
            text = (EXAMPLES / f"{name}_{part}.yaml").read_text()
            (folder / f"{part}.yaml").write_text(text)
        assert compiled(name, tmp_path).profile.name == name
