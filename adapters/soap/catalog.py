"""Where a contract's files come from: beside it, from a catalog, or from us; never from a net."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from lxml import etree

_SCHEMAS = Path(__file__).parent / "schemas"
_BUNDLED = {
    "schemas.xmlsoap.org/soap/encoding": "soap-encoding.xsd",
    "schemas.xmlsoap.org/wsdl": "wsdl.xsd",
    "www.w3.org/2001/xml.xsd": "xml.xsd",
    "www.w3.org/2001/03/xml.xsd": "xml.xsd",
    "www.w3.org/XML/1998/namespace": "xml.xsd",
}


class Lacking(LookupError):
    """What a contract lacks, in words of ours: they quote nothing of its files."""


class Catalog:
    """Serves the files beside a WSDL, catalogued ones and our bundled schemas; refuses the rest.

    *entries*: address to file, both as the profile or a `.svcmap` names them, files relative to
    the folder.  *patches*: pattern and replacement, laid over every file before it is parsed.
    """

    def __init__(
        self,
        folder: Path,
        entries: Mapping[str, str] | None = None,
        patches: Sequence[tuple[str, str]] = (),
    ) -> None:
        self._folder = folder.resolve()
        self._entries = {_plain(url): file for url, file in (entries or {}).items()}
        self._patches = [(re.compile(find), put) for find, put in patches]
        self.documents: list[bytes] = []
        self.files: list[Path] = []  # those of the folder that were read

    def load(self, url: str) -> bytes:
        """Read what stands for *url*. Raises LookupError for an address that is not held."""
        path = self._path(str(url))
        if path.is_relative_to(self._folder) and path not in self.files:
            self.files.append(path)
        raw = path.read_bytes()
        for find, put in self._patches:
            raw = find.sub(put, raw.decode("utf-8")).encode("utf-8")
        self.documents.append(raw)
        return raw

    def _path(self, url: str) -> Path:
        parts = urlsplit(url)
        bundled = _BUNDLED.get(f"{parts.netloc}{parts.path}".rstrip("/"))
        file = self._entries.get(_plain(url))
        if file is None and bundled is not None and parts.scheme in ("http", "https"):
            return _SCHEMAS / bundled
        if file is None and parts.scheme not in ("", "file"):
            return self._copy(url)
        path = (self._folder / (file or unquote(parts.path))).resolve()
        if not path.is_relative_to(self._folder):
            raise Lacking(f"{path} is not in {self._folder}; put a copy there")
        if not path.is_file():
            raise Lacking(f"{path.name} is not in {path.parent}; put a copy there")
        return path

    def _copy(self, url: str) -> Path:
        """Find the copy of an address that stands beside, under the name that it ends with."""
        names = _names(url)
        for name in names:
            if name == Path(name).name and (self._folder / name).is_file():
                return (self._folder / name).resolve()
        cure = "put a copy there under that name, or under another and say so in `catalog`"
        shown = f"{names[-1]} of {urlsplit(url).hostname}"
        raise Lacking(f"{shown} is not in {self._folder}; {cure}")


def svcmap(path: Path) -> dict[str, str]:
    """Read the catalog that Visual Studio kept in a `.svcmap`: source address to file name."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    found = {}
    for element in etree.fromstring(path.read_bytes(), parser).iter("{*}MetadataFile"):
        url, file = element.get("SourceUrl"), element.get("FileName")
        if url and file:
            found[url] = file
    return found


def _names(url: str) -> list[str]:
    """What a copy of an address may be called: `…/a/types.xsd`, `…?xsd=xsd0` (WCF, JAX-WS)."""
    parts = urlsplit(url)
    asked = [(key, Path(value).name) for key, value in parse_qsl(parts.query) if value]
    if not asked:
        return [Path(unquote(parts.path)).name or "index.xsd"]
    key, value = asked[-1]
    ending = key if key in ("xsd", "wsdl") else "xsd"
    return [value, value if value.endswith(f".{ending}") else f"{value}.{ending}"]


def _plain(url: str) -> str:
    """Addresses differ in scheme and last slash, and mean one file."""
    parts = urlsplit(url)
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.netloc.lower()}{parts.path}".rstrip("/") + query
