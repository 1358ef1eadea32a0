"""Where a skeleton is put: its file, the contract with all that it imports, its service."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from connector.rehearsal import Book
from connector.workbench.skeleton import profile_of

_SERVICES = re.compile(r"^services:[ \t]*(#.*)?$", re.MULTILINE)
_SERVICE = re.compile(r"^  ([\w-]+): *\{ *wsdl: *([^,}\s]+)", re.MULTILINE)


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A contract that skeletons are made from."""

    wsdl: Path
    book: Book

    def line(self, service: str) -> str:
        """Write its line of `services`."""
        endpoint = f'"{{{{ conn.url }}}}{urlsplit(self.book.address() or "").path}"'
        more = ', addressing: "true"' if self.addressed() else ""
        file = f"wsdl: {self.wsdl.name}, endpoint: {endpoint}{more}"
        return f"  {service}: {{{file}}}   # ? its address"

    def addressed(self) -> bool:
        """Whether it speaks of WS-Addressing: then its messages are likely to need it."""
        words = (b"UsingAddressing", b"wsam:Addressing")
        return any(word in file.read_bytes() for file in self.book.files() for word in words)


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """The folder of a profile, and what a skeleton of *entity* in it is made from."""

    folder: Path
    entity: str
    source: Source | None = None

    def service(self) -> str | None:
        """The service that its actions must name: there are several, and none is the entity's."""
        known = self._services()
        if self.source is None or len(known) < 2 or self.entity in known:
            return None
        file = self.source.wsdl.name
        return next((name for name, wsdl in known.items() if wsdl == file), None)

    def put(self, text: str) -> Sequence[Path]:
        """Write the entity's file and what it needs beside it; gives what was written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{self.entity}.yaml"
        file.write_text(text, encoding="utf-8")
        return [file, *self._contract(), *self._profile(text)]

    def _contract(self) -> list[Path]:
        """Copy the contract and what it imports, each where it stands seen from the WSDL."""
        if self.source is None:
            return []
        made = []
        for file in self.source.book.files():
            target = self.folder / file.relative_to(self.source.wsdl.resolve().parent)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(file, target)
                made.append(target)
        return made

    def _profile(self, text: str) -> list[Path]:
        """Write profile.yaml, or its line for a contract that it does not have yet."""
        file = self.folder / "profile.yaml"
        wsdl = self.source.wsdl.name if self.source is not None else None
        if not file.exists():
            protocol, name = "soap" if wsdl else "rest", self.folder.resolve().name
            made = profile_of(name, protocol, text, wsdl, self.entity)
            if self.source is not None and self.source.addressed():
                made = made.replace('conn.url }}"}', 'conn.url }}", addressing: "true"}   # ?', 1)
            file.write_text(made, encoding="utf-8")
            return [file]
        known = self._services()
        if self.source is None or not known or wsdl in known.values():
            return []
        line, before = self.source.line(self.entity), file.read_text(encoding="utf-8")
        after = _SERVICES.sub(lambda found: f"{found[0]}\n{line}", before, count=1)
        file.write_text(after, encoding="utf-8")
        return [file]

    def _services(self) -> dict[str, str]:
        """The services that profile.yaml has, each on a line as skeletons write it: its file."""
        file = self.folder / "profile.yaml"
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        found = _SERVICES.search(text)
        return dict(_SERVICE.findall(text[found.end() :])) if found is not None else {}
