"""The nearest known word to an unknown one, for every message that says "did you mean"."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def nearest(word: str, known: Iterable[str]) -> str | None:
    """Return the one of *known* that *word* is most likely a slip of, or None."""
    folded = {k.lower().replace("-", "_"): k for k in known}
    hits = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.65)
    return folded[hits[0]] if hits else None


def cure_for(word: str, known: Iterable[str], what: str = "key") -> str:
    """Return a cure that names the nearest of *known*, or all of them."""
    words = list(known)
    near = nearest(word, words)
    if near:
        return f"did you mean `{near}`?"
    if what == "key":
        return f"remove it; keys here are: {', '.join(sorted(words))}"
    plural = f"{what}es" if what.endswith("s") else f"{what}s"
    return f"{plural} here are: {', '.join(sorted(words)) or 'none'}"
