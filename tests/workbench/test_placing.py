"""`map scaffold --to`: a contract of many files, a product of many contracts, one profile."""

from __future__ import annotations

from pathlib import Path

import pytest
from workbench.conftest import Bench

WSDL = """\
<w:definitions xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:t="urn:{name}"
 xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/"
 targetNamespace="urn:{name}"><w:types><xs:schema targetNamespace="urn:{name}:imports">
<xs:import namespace="urn:{name}" schemaLocation="{location}"/></xs:schema></w:types>
{messages}<w:portType name="P">{operations}</w:portType>
<w:binding name="B" type="t:P">
<s:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>{bound}</w:binding>
<w:service name="S"><w:port name="P" binding="t:B"><s:address location="http://x/api/{name}.svc"/>
</w:port></w:service></w:definitions>"""
TYPES = """\
<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:{name}"
 elementFormDefault="qualified">{elements}</xs:schema>"""
ELEMENT = """\
<xs:element name="{name}"><xs:complexType><xs:sequence><xs:element name="OrderNo"
 type="xs:string"/></xs:sequence></xs:complexType></xs:element>"""


def contract(folder: Path, name: str, operations: list[str], location: str = "x/types.xsd") -> Path:
    """Write a WSDL whose types stand in a file of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: dict[str, str] = {"messages": "", "operations": "", "bound": ""}
    for one in operations:
        parts["messages"] += (
            f'<w:message name="{one}"><w:part name="p" element="t:{one}"/></w:message>'
        )
        parts["operations"] += (
            f'<w:operation name="{one}"><w:input message="t:{one}"/></w:operation>'
        )
        body = '<s:body use="literal"/>'
        parts["bound"] += (
            f'<w:operation name="{one}"><s:operation soapAction=""/>'
            f"<w:input>{body}</w:input></w:operation>"
        )
    (folder / f"{name}.wsdl").write_text(WSDL.format(name=name, location=location, **parts))
    file = folder / (location if "://" not in location else "types.xsd")
    file.parent.mkdir(exist_ok=True)
    elements = "".join(ELEMENT.format(name=one) for one in operations)
    file.write_text(TYPES.format(name=name, elements=elements))
    return folder / f"{name}.wsdl"


def test_what_a_contract_imports_comes_along(bench: Bench) -> None:
    """Where it stands seen from the WSDL, so that the skeleton can be judged at once."""
    wsdl = contract(bench.folder / "vendor", "Sales", ["CreateOrder"])
    said = bench("map", "scaffold", "--wsdl", str(wsdl), "--op", "CreateOrder", "--to", "m/v")
    made = [Path(line).relative_to("m/v").as_posix() for line in said.out.splitlines()]
    assert made == ["order.yaml", "Sales.wsdl", "x/types.xsd", "profile.yaml"]
    rows = bench("map", "lint", "m/v", "--json").json["v"]["problems"]
    assert [row for row in rows if "wsdl" in row["message"].lower()] == []


def test_another_contract_becomes_a_service_of_the_same_profile(bench: Bench) -> None:
    """Named like its entity, so that nothing else has to be said; its address is a guess."""
    vendor = bench.folder / "vendor"
    contract(vendor, "Sales", ["CreateOrder", "ReadItem"])
    contract(vendor, "Party", ["CreateParty"], "y/types.xsd")
    for file, operation, entity in (
        ("Sales", "CreateOrder", "order"),
        ("Party", "CreateParty", "customer"),
        ("Sales", "ReadItem", "product"),
    ):
        words = ("--op", operation, "--entity", entity, "--to", "m/v")
        assert bench("map", "scaffold", "--wsdl", str(vendor / f"{file}.wsdl"), *words).code == 0
    profile = (bench.folder / "m/v/profile.yaml").read_text()
    line = '  customer: {wsdl: Party.wsdl, endpoint: "{{ conn.url }}/api/Party.svc"}   # ?'
    assert line in profile
    assert "service" not in (bench.folder / "m/v/customer.yaml").read_text().partition("write")[0]
    assert "    service: order\n" in (bench.folder / "m/v/product.yaml").read_text()
    rows = bench("map", "lint", "m/v", "--json").json["v"]["problems"]
    assert [row["message"] for row in rows if "service" in row["message"]] == []


@pytest.mark.parametrize(
    ("location", "file"),
    [
        ("http://erp.lan/svc?xsd=xsd0", "xsd0.xsd"),
        ("http://erp.lan/svc?wsdl&xsd=sub/kinds.xsd", "kinds.xsd"),
        ("https://erp.lan/schemas/order.xsd", "order.xsd"),
    ],
)
def test_an_imported_address_is_read_from_its_copy(bench: Bench, location: str, file: str) -> None:
    """Nothing is fetched: it is told under which name the copy must stand, and then it is read."""
    wsdl = contract(bench.folder, "Sales", ["CreateOrder"], location.replace("&", "&amp;"))
    said = bench("map", "scaffold", "--wsdl", str(wsdl))
    assert (said.code, f"{file} of erp.lan is not in" in said.err) == (2, True), said.err
    (bench.folder / "types.xsd").rename(bench.folder / file)
    assert "CreateOrder" in bench("map", "scaffold", "--wsdl", str(wsdl)).out


@pytest.mark.parametrize(
    ("operations", "says"),
    [
        (("Verbuchen",), "nothing in its name says what Verbuchen does"),
        (("CreateOrder", "AddOrder"), "CreateOrder and AddOrder would both be `create`"),
    ],
)
def test_what_an_operation_does_is_never_assumed(
    bench: Bench, operations: tuple[str, ...], says: str
) -> None:
    """One that deletes was once taken for the one that creates."""
    wsdl = contract(bench.folder, "Sales", ["CreateOrder", "AddOrder", "Verbuchen", "RemoveOrder"])
    words = [word for one in operations for word in ("--op", one)]
    said = bench("map", "scaffold", "--wsdl", str(wsdl), *words)
    assert (said.code, says in said.err) == (2, True), said.err
    said = bench("map", "scaffold", "--wsdl", str(wsdl), "--op", "RemoveOrder")
    assert "  delete:\n    op: RemoveOrder" in said.out


def test_a_contract_that_speaks_of_addressing_gets_it(bench: Bench) -> None:
    """A guess, marked as one: without it such a service refuses every message."""
    wsdl = contract(bench.folder / "vendor", "Sales", ["CreateOrder"])
    plain = wsdl.read_text()
    using = '<w:binding name="B" type="t:P"><a:UsingAddressing xmlns:a="urn:wsaw"/>'
    wsdl.write_text(plain.replace('<w:binding name="B" type="t:P">', using))
    bench("map", "scaffold", "--wsdl", str(wsdl), "--op", "CreateOrder", "--to", "m/v")
    assert 'addressing: "true"}   # ?' in (bench.folder / "m/v/profile.yaml").read_text()
