"""The rungs of the ladder: what is tried, and by which rule it is judged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from .recording import Recording
from .report import Finding
from .student import Student

Probe: TypeAlias = Callable[[Student], None]
#: Gets what the learner's code showed and what the solution showed; None: all right
Judge: TypeAlias = Callable[[Recording, Recording], Finding | None]
#: ``shape``: kinds, shapes and dtypes are the solution's. ``purity``: no argument is changed, no result is an argument
#: or changes later. ``finite``: no infinity, no NaN. ``values``: every number is the solution's.
Aspect = Literal["shape", "purity", "finite", "values"]


@dataclass(frozen=True)
class Rung:
    """One step of the ladder; the one below has to hold before it is tried.

    Several rungs may share a probe, each with its own aspect.
    """

    name: str
    probe: Probe
    #: A rule of the table above, or the exercise's own
    judge: Aspect | Judge = "values"
    #: Largest error of an array: the norm of the difference by the norm of the right one
    tolerance: float = 1e-6
    #: How many times it is tried, each time with other random numbers; a rung that trains is tried once
    draws: int = 3
    #: Wall-clock limit of one try
    seconds: float = 5.0
    #: False: results may share memory with arguments
    own_memory: bool = True
    #: False: the judge needs only what the learner's code showed, and gets it twice; neither the solution nor a mutant
    #: is run, which spares their training
    reference: bool = True
