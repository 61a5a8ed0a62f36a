"""Starting the real program."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app.terminal import Terminal


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Starts the program with a state folder of its own."""
    terminals: list[Terminal] = []

    def begin(*arguments: str, **options: Any) -> Terminal:
        terminals.append(Terminal(*arguments, **{"XDG_STATE_HOME": str(tmp_path), **options}))
        return terminals[-1]

    yield begin
    for terminal in terminals:
        terminal.close()
