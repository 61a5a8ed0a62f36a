"""What several test files share."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Iterator

import pytest
from hypothesis import settings

from lstm_ext.engine.backend import available_backends, engine_module
from lstm_ext.engine.interface import EngineModule

# How long an example takes says something about the machine, not about the code.
settings.register_profile("any machine", deadline=None)
settings.load_profile("any machine")

# No test, and no program that one starts, writes to the user's own state folder, or finds there what others have left.
# Here, because some files keep the environment of programs when they are imported.
STATE = tempfile.TemporaryDirectory(prefix="lstm-lab-state-")
os.environ["XDG_STATE_HOME"] = STATE.name

# What started the tests may have ignored these, as a script's `&` and nohup do, and programs inherit that.
for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(params=available_backends())
def engine(request: pytest.FixtureRequest) -> EngineModule:
    """Each engine there is on this machine: every test of an engine runs against all of them."""
    return engine_module(request.param)


@pytest.fixture(autouse=True, scope="session")
def pilot_does_not_wait_for_an_idle_process() -> Iterator[None]:
    """After every key Textual's pilot waits until the process's CPU time stands still, or a second: always
    a second, while a network trains in a thread. The tests wait for what they expect to see instead."""

    async def one_turn(*_: float) -> None:
        await asyncio.sleep(0.001)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("textual.pilot.wait_for_idle", one_turn)
        patch.setattr("textual.app.wait_for_idle", one_turn)
        yield
