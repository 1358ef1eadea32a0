"""dlt: its REST source, and a destination of its kind that posts each order with zeep."""

from __future__ import annotations

import os
import sys
from typing import Any

import dlt
import zeep
from dlt.sources.rest_api import rest_api_source

from benchmarks.by_hand import NS, SIZE, mapped

URL, WSDL, FOLDER = sys.argv[1:4]
os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
service = zeep.Client(WSDL).create_service(f"{{{NS}}}ErpBinding", f"{URL}/soap")


@dlt.destination(
    batch_size=SIZE, loader_file_format="typed-jsonl", name="erp", max_table_nesting=0,
    skip_dlt_columns_and_tables=True,
)  # fmt: skip
def erp(items: Any, table: Any) -> None:
    """Post the orders of a batch, one by one."""
    for order in items:
        service.CreateSalesOrder(Order=mapped(order))


shop = rest_api_source({
    "client": {
        "base_url": f"{URL}/wp-json/wc/v3/",
        "paginator": {"type": "page_number", "base_page": 1, "total_path": None},
    },
    "resources": [{
        "name": "orders", "max_table_nesting": 0,
        "endpoint": {
            "path": "orders",
            "params": {"per_page": SIZE, "orderby": "modified", "order": "asc"},
        },
    }],
})  # fmt: skip
dlt.pipeline("bench", pipelines_dir=FOLDER, destination=erp, dataset_name="bench").run(shop)
