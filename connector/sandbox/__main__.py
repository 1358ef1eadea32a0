"""`python -m connector.sandbox shop|erp`: a sandbox as a process of its own."""

from __future__ import annotations

import argparse
from pathlib import Path

from connector.sandbox.serve import Options, serve


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="connector.sandbox")
    parser.add_argument("kind", choices=("shop", "erp"))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--faults", default="[]")
    parser.add_argument("--zone", default="")
    parser.add_argument("--address", default="")
    parser.add_argument("--seed-demo", action="store_true")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    given = vars(parser.parse_args())
    kind, cert, key = given.pop("kind"), given.pop("tls_cert"), given.pop("tls_key")
    tls = (cert, key) if cert and key else None
    serve(kind, Options(tls=tls, **given), lambda line: print(line, flush=True))  # noqa: T201


main()
