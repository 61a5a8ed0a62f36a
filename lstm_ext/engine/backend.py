"""Which engine does the work: the compiled C core ("c") or its NumPy twin ("numpy")."""

from __future__ import annotations

import functools
import importlib
import os
import sys
from types import ModuleType
from typing import TYPE_CHECKING, cast

from ..arguments import Threads, checked
from ..errors import ArgumentError, MissingError
from .interface import EngineModule

if TYPE_CHECKING:
    from .core import Core

BACKENDS = ("c", "numpy")
#: Names the backend.
VARIABLE = "LSTM_LAB_BACKEND"


@checked
def engine_module(name: str | None = None, kernel: str | None = None, threads: Threads = 1) -> EngineModule:
    """The engine called ``name``, or the one ``backend_name`` chooses.

    The C core has the given kernel, by default ``core.default_kernel()``, and that many threads for the work of
    single layers; the twin has no kernels and leaves threads to NumPy. Raises ArgumentError for an unknown name or
    kernel, MissingError if "c" is asked for but was not built.
    """
    if name is None:
        name = backend_name()
        if name == "numpy" and not os.environ.get(VARIABLE):
            _say_that_numpy_works()
    if name not in BACKENDS:
        raise ArgumentError(f"backend: got {name!r}, expected one of {', '.join(BACKENDS)}")
    if name == "numpy":
        if kernel is not None:
            raise ArgumentError(f"kernel: got {kernel!r} for backend 'numpy', expected it only for 'c'")
        return cast(EngineModule, importlib.import_module(".twin", __package__))
    core, problem = _load_core()
    if core is None:
        raise MissingError(f"backend 'c': the C core is not there ({problem}). {_REMEDY}")
    return _core(kernel or core.default_kernel()) if threads == 1 else core.Core(kernel, threads)


@functools.cache
def _core(kernel: str) -> Core:
    """One for all callers: without threads it holds nothing that they could disturb."""
    from .core import Core

    return Core(kernel)


def backend_name() -> str:
    """The default: LSTM_LAB_BACKEND, else "c" if it was built, else "numpy".

    Raises ArgumentError if LSTM_LAB_BACKEND names no backend.
    """
    name = os.environ.get(VARIABLE)
    if name:
        if name not in BACKENDS:
            raise ArgumentError(f"{VARIABLE}: got {name!r}, expected one of {', '.join(BACKENDS)}")
        return name
    return available_backends()[0]


def available_backends() -> tuple[str, ...]:
    """The names that ``engine_module`` accepts here, the faster first."""
    return BACKENDS if _load_core()[0] is not None else ("numpy",)


_REMEDY = "Install a C compiler (gcc or clang), then reinstall lstm-lab."


@functools.cache
def _load_core() -> tuple[ModuleType | None, str]:
    """The C core's binding, or None and the reason."""
    try:
        return importlib.import_module(".core", __package__), ""
    except ImportError as error:
        return None, str(error)


@functools.cache
def _say_that_numpy_works() -> None:
    """Once per process."""
    print(
        f"lstm-lab: the C core is not there ({_load_core()[1]}), so NumPy does the work: "
        f"the same results, many times slower. {_REMEDY} LSTM_LAB_BACKEND=numpy silences this notice.",
        file=sys.stderr,
    )
