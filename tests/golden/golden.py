"""The golden arrays of a file, case by case."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open

HERE = Path(__file__).parent
Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Golden:
    """What was given to PyTorch, in float32 or int64, and what it computed of it in float64."""

    settings: dict[str, Any]
    given: Arrays
    expected: Arrays


def goldens(name: str) -> dict[str, Golden]:
    """All cases of name.safetensors, which make.py made."""
    with safe_open(HERE / f"{name}.safetensors", "np") as file:
        settings = json.loads(file.metadata()["settings"])["cases"]
        cases = {case: Golden(own, {}, {}) for case, own in settings.items()}
        for key in file.keys():  # noqa: SIM118
            case, part, array = key.split("/")
            getattr(cases[case], part)[array] = file.get_tensor(key)
    return cases
