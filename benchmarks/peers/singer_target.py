"""A Singer target made with singer-sdk: posts each order that it reads from stdin with zeep."""

from __future__ import annotations

import sys
from typing import Any

import zeep
from singer_sdk import typing as th
from singer_sdk.sinks import RecordSink
from singer_sdk.target_base import Target

from benchmarks.by_hand import NS, mapped

URL, WSDL = sys.argv.pop(1), sys.argv.pop(1)
service = zeep.Client(WSDL).create_service(f"{{{NS}}}ErpBinding", f"{URL}/soap")


class Orders(RecordSink):
    """Where orders go."""

    def process_record(self, record: dict[str, Any], context: dict[str, Any]) -> None:
        """Post one."""
        service.CreateSalesOrder(Order=mapped(record))


class Erp(Target):
    """The target."""

    name, config_jsonschema = "target-erp", th.PropertiesList().to_dict()
    default_sink_class = Orders


Erp.cli()
