"""What several test files share."""

from __future__ import annotations

import pytest

from lstm_ext.backend import available_backends, engine_module
from lstm_ext.engine import EngineModule


@pytest.fixture(params=available_backends())
def engine(request: pytest.FixtureRequest) -> EngineModule:
    """Each engine there is on this machine: every test of an engine runs against all of them."""
    return engine_module(request.param)
