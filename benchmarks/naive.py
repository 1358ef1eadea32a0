"""The naive loop that we are measured against: requests, zeep, one by one, no ledger.

It is what many write first: no queue, no intent; a crash or a timeout leaves it unknowing.
"""

from __future__ import annotations

import argparse
import json
from typing import Any

import zeep

from benchmarks.by_hand import NS, listed, mapped
from benchmarks.measure import Measured
from connector.places import mappings_folder


def main() -> None:
    """`python -m benchmarks.naive --url URL`: deliver all; print what it took as JSON."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    url = parser.parse_args().url
    client: Any = zeep.Client(str(mappings_folder() / "sandbox_erp/wsdl/erp.wsdl"))  # type: ignore[no-untyped-call]
    service = client.create_service(f"{{{NS}}}ErpBinding", f"{url}/soap")
    with Measured() as took:
        for order in listed(url):
            service.CreateSalesOrder(Order=mapped(order))
    print(json.dumps(took.told()))


if __name__ == "__main__":
    main()
