"""Schedules of the learning rate: their values, and how far a run has got."""

from __future__ import annotations

import math
from typing import Any

import pytest

from lstm_ext.nn.schedule import factor
from lstm_ext.train.schedule import Plan


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        ("constant", [1.0, 1.0, 1.0, 1.0]),
        ("linear", [1.0, 0.75, 0.5, 0.0]),
        ("cosine", [1.0, (2.0 + math.sqrt(2.0)) / 4.0, 0.5, 0.0]),
    ],
)
def test_factors(schedule: str, values: list[float]) -> None:
    assert [factor(schedule, progress) for progress in (0.0, 0.25, 0.5, 1.0)] == pytest.approx(values, abs=1e-15)


def test_without_limits_nothing_is_over() -> None:
    assert Plan().progress(10**9) == 0.0
    assert Plan().ahead(100, 5.0) == Plan()


def test_steps() -> None:
    plan = Plan(total_steps=40)
    assert [plan.progress(steps) for steps in (0, 1, 10, 40, 50)] == [0.0, 1 / 40, 0.25, 1.0, 1.0]
    assert plan.ahead(30, 5.0) == plan  # the clock has no say
    assert Plan(total_steps=0).progress(0) == 0.0


def test_seconds() -> None:
    plan = Plan(total_seconds=100.0)
    assert plan.progress(7) == 0.0  # nothing is known yet
    plan = plan.ahead(10, 20.0)  # 2 s per step
    assert [plan.progress(steps) for steps in (10, 15, 50, 60)] == pytest.approx([0.2, 0.3, 1.0, 1.0])
    plan = plan.ahead(20, 60.0)  # and now 3
    assert [plan.progress(steps) for steps in (20, 25, 34)] == pytest.approx([0.6, 0.75, 1.0], abs=0.021)
    assert plan.progress(20) == 0.6
    assert plan.ahead(30, 130.0).progress(30) == 1.0


def test_the_first_of_two_limits_counts() -> None:
    plan = Plan(total_steps=100, total_seconds=100.0)
    assert plan.ahead(10, 20.0).progress(20) == pytest.approx(0.4)
    assert plan.ahead(10, 5.0).progress(20) == 0.2


@pytest.mark.parametrize(
    "wrong", [{"total_steps": -1}, {"total_seconds": math.nan}, {"passed": math.inf}, {"per_step": -0.1}, {"step": "1"}]
)
def test_plans_that_cannot_be(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Plan(**wrong)
