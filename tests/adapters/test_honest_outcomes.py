"""One right outcome for each class of reply, over real HTTP: to a write, and to a look-up.

Document/literal with the sandbox ERP's contract, whose profile lets only declared faults refuse;
rpc/encoded with Dolibarr's, whose profile names the one code that means done.
"""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from answering import SOAP_11
from one_reply import answered, change

from connector import errors
from connector.values import Absent, Done, InDoubt, Refused, Unauthorized, Unavailable

XML, PAGE = "text/xml; charset=utf-8", "text/html; charset=utf-8"
HTML = "<!DOCTYPE html><html><body><h1>Not now</h1></body></html>"
WARNING = "<br />\n<b>Warning</b>:  Undefined array key in <b>x.php</b> on line <b>1</b><br />\n"
NOTHING = object()  # a look-up that says surely that there is none


def envelope(inner):
    return f'<e:Envelope xmlns:e="{SOAP_11}"><e:Body>{inner}</e:Body></e:Envelope>'


def created(inner="<No>C-7</No><Version>1</Version>", ns="urn:sandbox:erp:v1", op="CreateCustomer"):
    result = f"<Result>{inner}</Result>"
    return envelope(f'<{op}Response xmlns="{ns}">{result}</{op}Response>')


def fault(code, detail=""):
    told = f"<faultcode>e:{code}</faultcode><faultstring>no</faultstring>{detail}"
    return envelope(f"<e:Fault>{told}</e:Fault>")


def business(code, ns="urn:sandbox:erp:v1"):
    said = f"<Code>{code}</Code><Message>no</Message>"
    return fault("Client", f'<detail><BusinessError xmlns="{ns}">{said}</BusinessError></detail>')


DONE = Done(key="C-7", version="1")
CASES = {
    # name: (status, kind, body, what a write that got it is)
    "as the contract says": (200, XML, created(), DONE),
    "another order and a new member": (
        200, XML, created("<New>x</New><Version>1</Version><No>C-7</No>"), DONE),
    "members of a foreign namespace": (
        200, XML, created('<No xmlns="urn:y">C-7</No><Version xmlns="urn:z">1</Version>'), DONE),
    "a byte order mark": (200, XML, "\ufeff" + created(), DONE),
    "a total that is no number": (
        200, XML, created("<No>C-7</No><Version>1</Version><GrandTotal>1,5 €</GrandTotal>"), DONE),
    "no key": (200, XML, created("<Version>1</Version>"), InDoubt(why="no_key")),
    "a blank key": (200, XML, created("<No> </No>"), InDoubt(why="no_key")),
    "a result that is nil": (
        200, XML,
        envelope('<CreateCustomerResponse xmlns="urn:sandbox:erp:v1"><Result xsi:nil="true"'
                 ' xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/></CreateCustomerResponse>'),
        InDoubt(why="no_key")),
    "the reply to something else": (200, XML, created(op="UpdateCustomer"), InDoubt),
    "warnings before the envelope": (200, PAGE, WARNING + created(), InDoubt),
    "a page behind the envelope": (200, XML, created() + HTML, InDoubt),
    "accepted for later": (202, XML, created(), InDoubt(why="http_202")),
    "accepted, with HTML before": (202, PAGE, HTML + created(), InDoubt),
    "nothing to say": (204, XML, "", InDoubt),
    "an empty reply": (200, XML, "", InDoubt),
    "an empty body": (200, XML, envelope(""), InDoubt),
    "HTML in place of an envelope": (200, PAGE, HTML, InDoubt),
    "an envelope that breaks off": (200, XML, created()[:-30], InDoubt),
    "a document type": (200, XML, "<!DOCTYPE x>" + created(), InDoubt),
    "an empty crash": (500, PAGE, "", InDoubt(why="http_500")),
    "a proxy without a server": (502, PAGE, HTML, InDoubt(why="http_502")),
    "a proxy that waited": (504, PAGE, HTML, InDoubt(why="http_504")),
    "unavailable": (503, PAGE, HTML, InDoubt(why="http_503")),
    "moved": (302, PAGE, HTML, InDoubt(why="http_302")),
    "a fault of the server": (500, XML, fault("Server"), InDoubt(why="e.Server")),
    "a fault about our message": (500, XML, fault("Client"), InDoubt(why="e.Client")),
    "a declared refusal": (500, XML, business("invalid"), Refused(code="invalid", at="create")),
    "a declared refusal with 200": (
        200, XML, business("invalid"), Refused(code="invalid", at="create")),
    "what it names is gone": (  # what is to be made cannot be
        500, XML, business("not_found"), Refused(code="not_found", at="create")),
    "a code that no rule names": (500, XML, business("odd"), InDoubt),
    "credentials refused": (401, PAGE, HTML, Unauthorized(why="http_401")),
    "forbidden": (403, PAGE, HTML, Unauthorized(why="http_403")),
    "no such address": (404, PAGE, HTML, Refused(code="http_404", at="create")),
    "too much": (413, PAGE, HTML, Refused(code="http_413", at="create")),
    "too often": (429, PAGE, HTML, Unavailable(wait=timedelta(seconds=7), why="http_429")),
}  # fmt: skip
FOUND = envelope('<FindCustomersResponse xmlns="urn:sandbox:erp:v1">{}</FindCustomersResponse>')
LOOKS = {
    # name: (status, kind, body, what find says)
    "none": (200, XML, FOUND.format(""), NOTHING),
    "none, with warnings before": (200, PAGE, WARNING + FOUND.format(""), NOTHING),
    "an element that says nothing": (200, XML, FOUND.format("<Customer/>"), NOTHING),
    "a customer without a number": (
        200, XML, FOUND.format("<Customer><ExternalRef>r</ExternalRef></Customer>"), Unavailable),
}  # fmt: skip
for _name, (_status, _kind, _body, _) in CASES.items():
    unable = Unauthorized if _status in (401, 403) else Unavailable
    unable = NOTHING if _name == "what it names is gone" else unable  # said by a declared fault
    LOOKS[f"to a look-up: {_name}"] = (_status, _kind, _body, unable)
RAISED = {Unavailable: errors.Unavailable, Unauthorized: errors.Unauthorized}


def reply(name, status, kind, body, charset="utf-8"):
    headers = [("Content-Type", kind), ("Retry-After", "7")]
    return answered(name, status, headers, body.encode(charset))


def write(to, entity, payload):
    return to.send(entity, [change(payload)])[0]


def fits(told, expected):
    return isinstance(told, expected) if isinstance(expected, type) else told == expected


@pytest.mark.parametrize("name", CASES)
def test_a_write_has_one_outcome(name):
    """Done and refused only where the reply says so whole; all else is doubt, never a repeat."""
    *given, expected = CASES[name]
    with reply("sandbox_erp", *given) as to:
        told = write(to, "customer", {"ExternalRef": "r", "Name": "Ada"})
    assert fits(told, expected), told


@pytest.mark.parametrize("name", LOOKS)
def test_only_an_answer_says_that_there_is_none(name):
    """Absence is said by a whole reply of the right kind; all else is asked again."""
    *given, expected = LOOKS[name]
    raised = nullcontext() if expected is NOTHING else pytest.raises(RAISED[expected])
    with reply("sandbox_erp", *given) as to, raised:
        assert isinstance(to.find("customer", ["r"])["r"], Absent)


@pytest.mark.parametrize(
    ("kind", "charset", "expected"),
    [
        ("text/xml; charset=ISO-8859-1", "latin-1", "Müller"),
        ("text/xml", "utf-8", "Müller"),
        ("text/xml; charset=utf-8", "latin-1", None),
    ],
)
def test_the_charset_of_the_header_counts_and_a_wrong_one_is_no_answer(kind, charset, expected):
    """Where the document names none itself."""
    row = "<Customer><CustomerNo>C-7</CustomerNo><ExternalRef>r</ExternalRef><Name>Müller</Name>"
    body = FOUND.format(f"{row}<Email>m@example.org</Email></Customer>")
    raised = nullcontext() if expected else pytest.raises(errors.Unavailable)
    with reply("sandbox_erp", 200, kind, body, charset) as to, raised:
        assert to.find("customer", ["r"])["r"].there["name"] == expected


def dolibarr(code, label="", inner="", op="createOrder"):
    result = (
        f"<result><result_code>{code}</result_code><result_label>{label}</result_label></result>"
    )
    ns = "http://www.dolibarr.org/ns/"
    return envelope(f'<n:{op}Response xmlns:n="{ns}">{result}{inner}</n:{op}Response>')


OK = dolibarr("OK", inner="<id>7</id>")
RACE = dolibarr("KO", "Duplicate entry 'SO-1' for key 'uk_commande_ref'")
DOLI = {
    "done": (200, XML, OK, Done(key="7")),
    "warnings before an order that is committed": (200, PAGE, WARNING * 9 + OK, Done(key="7")),
    "202 and HTML before an OK": (202, PAGE, HTML + OK, Done(key="7")),
    "202 and HTML before a KO": (202, PAGE, HTML + dolibarr("KO", "no"), InDoubt(why="http_202")),
    "warnings before a KO": (200, PAGE, WARNING + dolibarr("KO", "no"), InDoubt),
    "a business error with 200": (
        200, XML, dolibarr("KO", "no"), Refused(code="KO", at="draft")),
    "a sentence in place of a code": (
        200, XML, dolibarr("you may not", "no"), Refused(code="http_200", at="draft")),
    "no code": (200, XML, dolibarr(""), InDoubt(why="no_result_code")),
    "an empty result": (
        200, XML,
        envelope('<n:createOrderResponse xmlns:n="x"><result></result></n:createOrderResponse>'),
        InDoubt(why="no_result_code")),
    "OK without an id": (200, XML, dolibarr("OK"), InDoubt(why="no_key")),
    "OK and the id 0": (200, XML, dolibarr("OK", inner="<id>0</id>"), InDoubt(why="no_key")),
    "a race for the number": (200, XML, RACE, InDoubt(why="numbering_race")),
    "credentials": (
        200, XML, dolibarr("BAD_CREDENTIALS"), Unauthorized(why="BAD_CREDENTIALS")),
    "a crash": (500, PAGE, "", InDoubt(why="http_500")),
    "a proxy": (502, PAGE, HTML, InDoubt(why="http_502")),
    "a fault about our message": (500, XML, fault("Client"), Refused(code="http_500", at="draft")),
    "an empty body": (200, XML, envelope(""), InDoubt),
}  # fmt: skip


@pytest.mark.parametrize("name", DOLI)
def test_an_order_for_dolibarr_has_one_outcome(name):
    """A profile that names `done` believes it wherever it stands, and nothing else."""
    *given, expected = DOLI[name]
    with reply("dolibarr", *given) as to:
        told = write(to, "order", {"ref_ext": "r", "thirdparty_id": "1"})
    assert fits(told, expected), told


NS5 = 'xmlns:enc="http://schemas.xmlsoap.org/soap/encoding/"'
NIL = '<order xsi:nil="true" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"/>'


@pytest.mark.parametrize(
    ("inner", "code", "expected"),
    [
        (NIL, "NOT_FOUND", NOTHING),
        (NIL, "OK", NOTHING),
        ("<order><id>7</id><ref_ext>other</ref_ext></order>", "OK", NOTHING),
        ("<order><id>7</id><ref_ext>r</ref_ext><lines/></order>", "OK", "7"),
        (f'<order><id>7</id><ref_ext>r</ref_ext><lines {NS5} enc:arrayType=":[2]"/></order>',
         "OK", None),
        (NIL, "KO", None),
        (NIL, "", None),
    ],
)  # fmt: skip
def test_a_look_up_in_dolibarr(inner, code, expected):
    """Nil is not an order, another's order is not ours, an error is not absence."""
    said = dolibarr(code, inner=inner, op="getOrder")
    raised = nullcontext() if expected else pytest.raises(errors.Unavailable)
    with reply("dolibarr", 200, XML, said) as to, raised:
        found = to.find("order", ["r"])["r"]
        assert isinstance(found, Absent) if expected is NOTHING else found.key == expected


@pytest.mark.parametrize("table", [CASES, DOLI])
def test_no_two_cases_have_one_reply(table):
    """Then one of them would test nothing."""
    replies = [case[:3] for case in table.values()]
    assert len(set(replies)) == len(replies)
