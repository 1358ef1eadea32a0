"""The wheel is whole: it works where no checkout is."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's content in a folder of its own."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def said(site: Path, elsewhere: Path, code: str) -> str:
    """Run *code* with nothing but the wheel's content on the path; return what it prints."""
    env = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=elsewhere,
        env=env,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_the_wheel_brings_its_profiles(unpacked: Path, tmp_path: Path) -> None:
    """Outside the checkout every profile of the checkout is found, inside the wheel."""
    code = (
        "from connector.places import mappings_folder as m; "
        "print(m(), *sorted(p.name for p in m().iterdir() if p.is_dir()))"
    )
    folder, *names = said(unpacked, tmp_path, code).split()
    assert folder.startswith(str(unpacked))
    assert names == sorted({p.relative_to(ROOT).parts[1] for p in ROOT.glob("mappings/**/*.*")})
    assert "sandbox_erp" in names


def test_the_wheel_brings_its_migrations_and_example(unpacked: Path, tmp_path: Path) -> None:
    """So are the migrations of the ledger and the example that `init` writes."""
    code = (
        "from connector.places import example_file, migrations_folder as m; "
        "print(m(), example_file(), sum(1 for _ in m().rglob('*.py')))"
    )
    migrations, example, count = said(unpacked, tmp_path, code).split()
    assert migrations.startswith(str(unpacked))
    assert example.startswith(str(unpacked))
    assert int(count) == len(list((ROOT / "migrations").rglob("*.py")))


def test_the_wheel_brings_the_schemas_that_contracts_import(unpacked: Path) -> None:
    """SOAP-ENC, WSDL and xml: nothing is fetched, and without them no rpc/encoded one is read."""
    brought = {p.name for p in (unpacked / "adapters" / "soap" / "schemas").glob("*.xsd")}

    assert brought == {p.name for p in ROOT.glob("adapters/soap/schemas/*.xsd")}
    assert {"soap-encoding.xsd", "wsdl.xsd", "xml.xsd"} <= brought
