"""Everything public, found by looking: a function that is added is fuzzed without anybody remembering."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import FunctionType, ModuleType
from typing import Any, NamedTuple

import lstm_ext

#: Where the public API is: these packages' ``__all__``, and where they have none all that their modules define.
PACKAGES = ("conversion", "data", "experiments", "explain", "nn", "tasks", "visualization")
MODULES = ("lstm_ext.train.history", "lstm_ext.train.schedule")
#: What trains, draws or waits for longer than a call may take, is abstract, or is only there for the others.
LEFT_OUT = {
    "lstm_ext.experiments.runner.run": "runs a whole experiment",
    "lstm_ext.experiments.experiment.Experiment": "abstract",
    "lstm_ext.experiments.experiment.Experiment.measure": "abstract",
    "lstm_ext.experiments.experiment.Experiment.report": "abstract",
    "lstm_ext.experiments.experiment.Experiment.run_one": "abstract",
    "lstm_ext.experiments.experiment.Experiment.variants": "abstract",
    "lstm_ext.nn.model.Model.backward": "abstract",
    "lstm_ext.nn.model.Model.forward": "abstract",
}


class Public(NamedTuple):
    """A public callable."""

    name: str
    #: The class that it belongs to: as its constructor, method or property.
    owner: type | None
    function: Any

    @property
    def is_constructor(self) -> bool:
        return self.owner is self.function

    @property
    def is_property(self) -> bool:
        return isinstance(self.function, property)


def public() -> list[Public]:
    """All of them, always in the same order."""
    found: dict[str, Public] = {}
    for module in _modules():
        for name in getattr(module, "__all__", None) or vars(module):
            value = getattr(module, name)
            own = hasattr(module, "__all__") or getattr(value, "__module__", "") == module.__name__
            if own and not name.startswith("_"):
                for each in _of(value):
                    found.setdefault(each.name, each)
    return [found[name] for name in sorted(found) if name not in LEFT_OUT]


def _modules() -> Iterator[ModuleType]:
    yield lstm_ext
    for package in PACKAGES:
        parent = import_module(f"lstm_ext.{package}")
        yield parent
        if not hasattr(parent, "__all__"):
            for entry in walk_packages(parent.__path__, f"{parent.__name__}."):
                yield import_module(entry.name)
    for name in MODULES:
        yield import_module(name)


def _of(value: Any) -> Iterator[Public]:
    if isinstance(value, FunctionType):
        yield Public(f"{value.__module__}.{value.__name__}", None, value)
    if not isinstance(value, type) or issubclass(value, BaseException) or getattr(value, "_is_protocol", False):
        return
    full = f"{value.__module__}.{value.__name__}"
    if not inspect.isabstract(value):
        yield Public(full, value, value)
    for base in value.__mro__:
        if not base.__module__.startswith("lstm_ext"):
            continue
        for name, member in vars(base).items():
            function = getattr(member, "__func__", member)
            if not name.startswith("_") and isinstance(function, FunctionType | property):
                yield Public(f"{full}.{name}", value, member if isinstance(member, property) else function)
