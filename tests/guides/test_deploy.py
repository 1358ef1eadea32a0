"""What is deployed fits what there is: commands, ports, paths; seen without a container engine."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import yaml

from connector.places import example_file

ROOT = Path(__file__).parents[2]


def test_the_unit_starts_and_reloads_the_daemon_and_is_confined() -> None:
    """`systemd` waits for READY, notices a standstill, and lets it write its state only."""
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment]
    unit.read(ROOT / "deploy/connector.service")
    service = unit["Service"]
    words = service["ExecStart"].split()
    assert words[1:] == ["run", "--config", "/etc/connector/config.yaml"]
    assert (service["Type"], service["Restart"]) == ("notify", "on-failure")
    assert int(service["TimeoutStopSec"].removesuffix("s")) > 10
    assert service["ExecReload"].split()[1] == "-HUP"
    for wall in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "RestrictNamespaces"):
        assert service[wall] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["StateDirectory"] == "connector"
    assert service["Environment"] == "TMPDIR=/var/lib/connector"


def test_the_compose_file_and_the_image_agree_on_command_user_and_port() -> None:
    """And the health check asks where the example listens."""
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())
    services = compose["services"]
    assert services["connector"]["command"][0] == "run"
    assert services["upgrade"]["command"][:2] == ["ledger", "upgrade"]
    image = (ROOT / "Dockerfile").read_text()
    assert re.search(r'^CMD \["run", "--config", "/etc/connector/config.yaml"\]$', image, re.M)
    assert "USER connector" in image
    port = re.search(r"listen: [\d.]+:(\d+)", example_file().read_text())
    assert port is not None
    assert f"127.0.0.1:{port[1]}/healthz" in image
    assert services["connector"]["ports"] == [f"127.0.0.1:{port[1]}:{port[1]}"]
    for folder in ("connector", "adapters", "mappings", "migrations"):
        assert f"COPY {folder} {folder}" in image
