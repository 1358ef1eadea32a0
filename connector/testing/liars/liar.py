"""What every liar is: the memory system, but for one promise."""

from __future__ import annotations

from typing import ClassVar

from connector.testing.memory import Memory


class Liar(Memory):
    """Breaks exactly the promises that the tests named in *breaks* hold."""

    breaks: ClassVar[tuple[str, ...]]
