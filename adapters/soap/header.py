"""The header of a SOAP message: blocks that the contract declares, and blocks that it does not."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from adapters.soap.contract import Contract, Operation
from adapters.soap.shapes import Member, Shape
from adapters.soap.writer import blocks_of
from connector.errors import FieldErrors, FieldFault

_BODY = b"<soap:Body>"


def headed(
    message: bytes, operation: Operation, contract: Contract, blocks: object, zone: ZoneInfo
) -> bytes:
    """Put *blocks* into the header of *message*. Raises FieldErrors naming what cannot be written.

    A block is named as the contract names it; one that it does not declare, `{namespace}Name`
    or `prefix:Name`.
    """
    if not isinstance(blocks, Mapping):
        raise FieldErrors((FieldFault("headers", "not_a_tree", "write `Name: value` lines"),))
    given = [(name, value) for name, value in blocks.items() if value is not None]
    made = [(_declared(name, operation, contract), value) for name, value in given]
    return message.replace(_BODY, blocks_of(made, zone) + _BODY, 1) if made else message


def with_block(message: bytes, block: str) -> bytes:
    """Put a block that is written already into the header of *message*."""
    end = b"</soap:Header>" + _BODY
    if end in message:
        return message.replace(end, block.encode() + end, 1)
    return message.replace(_BODY, f"<soap:Header>{block}</soap:Header>".encode() + _BODY, 1)


def _declared(name: str, operation: Operation, contract: Contract) -> Member:
    """The declaration of a block; one without a type where there is none."""
    space, local = contract.book.split(name)
    if space:
        return contract.element(space, local) or _free(space, local, contract)
    found = [operation.heads[name]] if name in operation.heads else contract.elements(name)
    if len(found) == 1:
        return found[0]
    cure = "the contract declares no such header; write '{namespace}Name', or prefix:Name by `ns`"
    raise FieldErrors((FieldFault(f"headers.{name}", "unknown_field", cure),))


def _free(space: str, local: str, contract: Contract) -> Member:
    shape = Shape(None, contract.book)
    return Member(name=local, namespace=space, shape=shape, many=False, nillable=False)
