"""The contracts are tested: for each promise there is a liar that breaks just that one."""

from __future__ import annotations

import pytest

from connector.testing.contracts import (
    BulkContract,
    ProbeContract,
    SourceContract,
    TargetContract,
)
from connector.testing.contracts.exceptions import Contract, promises
from connector.testing.liars import BULKS, PROBES, SOURCES, TARGETS
from connector.testing.memory import Memory
from connector.testing.worlds import MemoryWorld

CAUGHT = {
    SourceContract: SOURCES,
    TargetContract: TARGETS,
    ProbeContract: PROBES,
    BulkContract: BULKS,
}
EVERY = [(contract, liar) for contract, liars in CAUGHT.items() for liar in liars]


def broken_by(made, contract):
    """The promises of *contract* that an adapter of class *made* does not keep."""
    return [name for name in promises(contract) if not kept(made, contract, name)]


def kept(made, contract, name):
    """Does it keep this one?"""
    try:
        getattr(contract(), name)(MemoryWorld(made))
    except (Exception, pytest.fail.Exception):  # noqa: BLE001 - whatever it is, it was caught
        return False
    return True


@pytest.mark.parametrize(("contract", "liar"), EVERY)
def test_a_liar_is_caught_by_the_promise_that_it_breaks_and_no_other(contract, liar):
    """The contract is sharp: it catches the lie, and calls it by its name."""
    assert broken_by(liar, contract) == sorted(liar.breaks)


@pytest.mark.parametrize("contract", CAUGHT)
def test_every_promise_has_its_liar(contract):
    """A test that nobody fails might as well not be there."""
    assert {name for liar in CAUGHT[contract] for name in liar.breaks} == set(promises(contract))


@pytest.mark.parametrize("contract", CAUGHT)
def test_whoever_tells_the_truth_is_not_accused(contract):
    """The liars' own parent passes."""
    assert broken_by(Memory, contract) == []


@pytest.mark.parametrize("reason", ["", "later", "todo: fix"])
def test_an_exception_needs_a_reason(reason):
    """Two words are no sentence."""
    with pytest.raises(TypeError, match="test_a_system_says_who_it_is"):
        type("Lax", (ProbeContract,), {"exceptions": {"test_a_system_says_who_it_is": reason}})


def test_an_exception_names_a_test_that_exists():
    """A test that was renamed leaves no exception behind."""
    with pytest.raises(TypeError, match="test_of_yesterday"):
        type("Old", (ProbeContract,), {"exceptions": {"test_of_yesterday": "it was too hard"}})


def test_an_exception_is_expected_to_fail_strictly():
    """A stale exception fails, and the contract itself is left as it was."""
    name = "test_a_system_says_who_it_is"
    lax = type("Lax", (ProbeContract,), {"exceptions": {name: "it has no name"}})
    [mark] = getattr(lax, name).pytestmark

    assert mark.name == "xfail"
    assert mark.kwargs["strict"] is True
    assert not hasattr(getattr(ProbeContract, name), "pytestmark")
    assert issubclass(lax, Contract)
