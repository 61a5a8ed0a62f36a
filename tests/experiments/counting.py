"""A little experiment that counts how often it was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from lstm_ext.experiments import Experiment, Report, Results, Table


class Counting(Experiment):
    """Numbers that only its settings and the seed decide, and a list of what it was asked."""

    name = "counting"
    question = "How many?"
    method = "Count."
    asked: ClassVar[list[tuple[str, int]]] = []
    fails_at: ClassVar[int] = -1

    def variants(self, quick: bool) -> dict[str, Mapping[str, Any]]:
        return {label: {"label": label, "quick": quick} for label in ("a", "b", "c d/e")}

    def measure(self, settings: Mapping[str, Any], seed: int) -> dict[str, Any]:
        if len(self.asked) == self.fails_at:
            raise KeyboardInterrupt
        self.asked.append((settings["label"], seed))
        return {"n": np.float64(seed) + len(settings["label"]), "never": math.inf, "list": np.arange(2), "text": "x"}

    def report(self, results: Results) -> Report:
        return Report([Table("t", ["v", "n"], [["a", "1"]])], [], ["Done."])
