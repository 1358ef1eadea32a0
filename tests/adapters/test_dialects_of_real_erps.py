"""What real contracts ask for, said in YAML: the messages are built, and judged by its schema.

The WSDLs are not ours and not shipped; where they lie beside this checkout, they are read.
"""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from answering import profile_of
from lxml import etree

from adapters.soap.rehearse import rehearse

HERE = Path(__file__).parent
WSDLS = Path("/work/shared/wsdl")
pytestmark = pytest.mark.skipif(not WSDLS.is_dir(), reason="the WSDLs of real ERPs are not here")
SAID = {
    "netsuite": {".//{*}Header/{*}tokenPassport/{*}account": "***", ".//{*}record//{*}value": "x"},
    "b1": {".//{*}Header/{*}MsgHeader/{*}SessionID": "***", ".//{*}NumAtCard": "R-1"},
    "idempiere": {".//{*}ADLoginRequest/{*}pass": "***", ".//{*}field/{*}val": "R-1"},
    "x3": {
        ".//callContext/password": "***",
        ".//objectXml": '<PARAM><GRP ID="SOH0_1"><FLD NAME="CUSORDREF">R-1</FLD></GRP></PARAM>',
    },
    "bydesign": {".//Quantity[@unitCode='EA']": "2", ".//SalesOrder/BuyerID": "R-1"},
    "magento": {".//sessionId": "***", ".//complex_filter/item/value/key": "gteq"},
    "suitecrm": {".//session": "***", ".//name_value_list/item/value": "R-1"},
}


@pytest.mark.parametrize("name", SAID)
def test_an_order_is_said_in_yaml_alone(tmp_path, name):
    """With its credentials where the system wants them, valid where its schema can be judged."""
    home = tmp_path / "p"
    home.mkdir()
    for folder in WSDLS.iterdir():
        (home / folder.name).symlink_to(folder)
    texts = {file.stem: file.read_text() for file in (HERE / "dialects" / name).iterdir()}
    profile = profile_of(tmp_path, **texts)
    create = profile.entities["order"].actions["create"]
    stage = rehearse(profile, {"url": "https://erp.example"}, ZoneInfo("UTC"))

    sent = stage.message("order", create, create.steps[0], {"reference": "R-1", "payload": {}})

    root = etree.fromstring(sent.body)
    assert {path: root.findtext(path) for path in SAID[name]} == SAID[name]
    faults = stage.faults("order", create, create.steps[0], sent) or ()
    assert [(one.field, one.cure) for one in faults] == []
