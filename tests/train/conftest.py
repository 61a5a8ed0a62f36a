"""What the tests of training share."""

from __future__ import annotations

import pytest
from runs import Clock

from lstm_ext.engine.backend import available_backends
from lstm_ext.train import loop as loop_module
from lstm_ext.train import trainer as trainer_module


@pytest.fixture(params=available_backends())
def backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """One call of the engine then lasts 1 s, the step with all around it 3 s."""
    clock = Clock()
    for module in (loop_module, trainer_module):
        monkeypatch.setattr(module, "time", clock)
    return clock
