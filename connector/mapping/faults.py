"""What goes wrong while a template renders: a code and a cure, never a value."""

from __future__ import annotations


class Fault(Exception):
    """One expression cannot be evaluated; the leaf that holds it turns this into a FieldFault."""

    def __init__(self, code: str, cure: str) -> None:
        super().__init__(code)
        self.code, self.cure = code, cure


class Missing(Fault):
    """A member that the value does not have; `default` and `is defined` forgive it."""

    def __init__(self, name: str) -> None:
        super().__init__("no_member", f"`{name}` is not there; add `| default(none)` if it may be")
