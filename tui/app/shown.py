"""What a screen shows, as plain values that another lab can show as well: for recordings, and for following somebody.

A screen that takes part has two methods. ``state()`` says in JSON values what is shown and where one is in it, and
nothing of size, layout or colours. ``restore(state)`` goes there; what is missing or does not fit is left as it is,
because the values may come from anywhere.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Protocol, runtime_checkable

State = dict[str, Any]
#: Characters that a state may have in one text.
LONGEST = 4000


@runtime_checkable
class Shown(Protocol):
    """A screen that takes part."""

    def state(self) -> State:
        """What is shown, in JSON values."""
        ...

    async def restore(self, state: State) -> None:
        """Show it; the same state again changes nothing."""
        ...


def whole(state: State, name: str, default: int, low: int = 0, high: int = 2**31) -> int:
    """A whole number of a state, within limits; or ``default``."""
    value = state.get(name)
    return min(max(low, value), high) if isinstance(value, int) and not isinstance(value, bool) else default


def real(state: State, name: str, default: float, low: float, high: float) -> float:
    """A number of a state, within limits; or ``default``."""
    value = state.get(name)
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    return min(max(low, float(value)), high) if fits and value is not None else default


def flag(state: State, name: str, default: bool = False) -> bool:
    """A yes or no of a state."""
    value = state.get(name)
    return value if isinstance(value, bool) else default


def word(state: State, name: str, default: str, known: Collection[str] = ()) -> str:
    """A text of a state, one of ``known`` if there are any; or ``default``."""
    value = state.get(name)
    fits = isinstance(value, str) and len(value) <= LONGEST and (not known or value in known)
    return str(value) if fits else default
