"""What the tests of the app share: the real program, notices that stay, and an end for every run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from app.terminal import Terminal

from lstm_lab.app.session import Session
from lstm_lab.app.theme import ThemedApp


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


@pytest.fixture(autouse=True)
def no_run_outlives_its_test(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A trainer that a test leaves running would take processor time, and the clock, from the tests after it."""
    sessions: list[Session] = []
    begin = Session.__init__

    def remembered(session: Session, *arguments: Any, **options: Any) -> None:
        begin(session, *arguments, **options)
        sessions.append(session)

    monkeypatch.setattr(Session, "__init__", remembered)
    yield
    for session in sessions:
        if session.trainer is not None:
            session.trainer.stop(wait=True)
        session.close(keep=False)


@pytest.fixture(autouse=True)
def notices_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notice is shown for three seconds, and a busy machine may not draw anything for three seconds."""
    notify = ThemedApp.notify

    def noted(app: ThemedApp, message: str, **options: Any) -> None:
        notify(app, message, **{**options, "timeout": 600.0})

    monkeypatch.setattr(ThemedApp, "notify", noted)
