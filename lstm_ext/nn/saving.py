"""Networks in files: one .safetensors each, from which the same network continues to learn with the same bits.

The file has every weight under its name in ``weights()``, and ``training.moments`` (2, P) if an optimizer was saved.
Its description names the network's class, the arguments of its constructor and its dtype; the optimizer's settings,
learning rate and count of steps; a vocabulary. Nothing in it is executed or imported: only the classes of
``lstm_ext.nn`` and those that the caller hands over are ever made. (Runs of ``Trainer`` have a format of their own.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np

from ..arguments import Threads, check_choice, checked
from ..cells.config import LayerConfig
from ..data import Vocabulary
from ..data.words import WordVocabulary
from ..engine.config import DTYPES, ModelConfig, OptimizerConfig
from ..errors import ArgumentError, CheckpointError
from ..tensors import PathName, TensorFile, open_tensors, write_tensors
from .model import Model
from .module import Module, planning
from .optimizer import Optimizer

FORMAT = "lstm-lab network"
VERSION = 1
_WHAT = "network"
_MOMENTS = "training.moments"  # no weight is called so: ``training`` is no part
_CONFIGS: dict[str, type] = {cls.__name__: cls for cls in (LayerConfig, ModelConfig)}
#: Before the name of a class that is one of ``lstm_ext.nn``.
_OWN = "nn."


@checked
def save(
    path: PathName,
    model: Module,
    optimizer: Optimizer | None = None,
    *,
    vocabulary: Vocabulary | WordVocabulary | None = None,
) -> None:
    """Write a network, whole or not at all; with ``optimizer``, everything that training needs to continue.

    ``vocabulary`` says what its symbols stand for: with one of characters, `lstm-lab generate`, `eval` and `step`
    read a ``LanguageModel``. A class of one's own is saved by its name and its constructor's arguments, which must
    be numbers, texts, None, parts of networks, settings such as ``ModelConfig``, or lists and dicts of these.

    Raises ``ArgumentError`` where something cannot be described like this, ``CheckpointError`` where the file
    cannot be written or weights are NaN or infinite.
    """
    if optimizer is not None and optimizer.model is not model:
        raise ArgumentError(f"optimizer: got one of {optimizer.model!r}, expected one of this model, {model!r}")
    tensors = model.weights() | ({} if optimizer is None else {_MOMENTS: optimizer.moments})
    for name, array in tensors.items():
        if not np.isfinite(array).all():
            raise CheckpointError(f"{path}: not written, because {name} holds NaN or infinity")
    described = _describe(model)
    with planning():
        again = _Maker({_class_name(type(module)): type(module) for _, module in model.modules()}).make(described)
    if again.weight_shapes() != model.weight_shapes():
        raise ArgumentError(
            f"{type(model).__name__}: cannot be saved: its constructor, called as it was, makes other weights than it "
            "has; have the constructor make all its parts"
        )
    contents = {
        "network": described,
        "dtype": model.dtype.name,
        "optimizer": None if optimizer is None else _describe_optimizer(optimizer),
        "vocabulary": None if vocabulary is None else _describe_vocabulary(vocabulary),
    }
    write_tensors(path, tensors, contents, format=FORMAT, version=VERSION)


@checked
def load(
    path: PathName,
    *,
    classes: Iterable[type[Module]] = (),
    backend: str | None = None,
    kernel: str | None = None,
    threads: Threads = 1,
) -> Any:
    """The network that ``save`` wrote, with the same weights, in evaluation mode.

    ``classes``: those of one's own that the file may name. ``backend``, ``kernel`` and ``threads`` are those of
    ``build``. Names, shapes and dtypes are checked before any weight is read. Raises ``CheckpointError``.
    """
    known = _classes(classes)
    with open_tensors(path, _WHAT) as file:
        contents = _contents(file)
        maker = _Maker(known, len(file.header))
        try:
            with planning():
                model = maker.make(contents["network"])
        except _UnknownClass as error:
            raise file.error(str(error)) from None
        dtype = contents["dtype"]
        shapes = model.weight_shapes()
        _check(file, dtype, shapes)
        model._allocate(dtype, 0, backend, kernel, threads)
        for name, view in model.weights().items():
            view[...] = file.read(name)
        return model


@checked
def load_weights(path: PathName, model: Module) -> None:
    """Take over the weights of a saved network into one with the same names and shapes, of either dtype.

    Raises ``CheckpointError``, and has then changed nothing.
    """
    with open_tensors(path, _WHAT) as file:
        _check(file, _contents(file)["dtype"], model.weight_shapes())
        tensors = {name: file.read(name) for name in model.weights()}
    for name, view in model.weights().items():
        view[...] = tensors[name]


@checked
def load_optimizer(path: PathName, model: Module, *, lr: Any = None) -> Optimizer:
    """The optimizer that was saved with ``model``: passed to ``fit``, it continues with the same bits.

    ``lr`` replaces the learning rate; it must be given where that was a function. Raises ``CheckpointError``,
    ``ArgumentError`` for another model's file or a missing ``lr``.
    """
    with open_tensors(path, _WHAT) as file:
        described = _contents(file)["optimizer"]
        if described is None:
            raise file.error("was saved without an optimizer")
        saved_lr: Any = described["lr"]
        if lr is None and saved_lr is None:
            raise file.error("had a function as its learning rate, which a file cannot hold: hand it over as lr")
        if file.header.get(_MOMENTS) != (model.dtype.name, (2, model.parameters.size)):
            raise file.error(f"{_MOMENTS} does not fit {model!r}")
        if saved_lr is not None and type(saved_lr) is not float:
            raise ArgumentError(f"lr is {saved_lr!r}")
        rate: Any = saved_lr if lr is None else lr
        optimizer = Optimizer(model, OptimizerConfig(**described["settings"]), lr=rate)
        optimizer.steps = _count("steps", described["steps"])
        optimizer.moments[...] = file.read(_MOMENTS)
        return optimizer


@checked
def load_vocabulary(path: PathName) -> Vocabulary | WordVocabulary:
    """The vocabulary that was saved with a network. Raises ``CheckpointError``, also if there is none."""
    with open_tensors(path, _WHAT) as file:
        described = _contents(file)["vocabulary"]
        if described is None:
            raise file.error("was saved without a vocabulary")
        if "characters" in described:
            return Vocabulary.restored(described["characters"])
        words = described["words"]
        if type(words) is not list or not all(type(word) is str for word in words):
            raise file.error("is damaged: its vocabulary is no list of words")
        return WordVocabulary(words)


def _check(file: TensorFile, dtype: str, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Raises CheckpointError unless the header has a network's weights, and perhaps moments, and nothing else."""
    check_choice("dtype", dtype, DTYPES)
    expected = {name: (dtype, shape) for name, shape in shapes.items()}
    if _MOMENTS in file.header:
        expected[_MOMENTS] = dtype, (2, sum(math.prod(shape) for shape in shapes.values()))
    file.check_all(expected)


def _contents(file: TensorFile) -> dict[str, Any]:
    return file.contents(format=FORMAT, version=VERSION, what=_WHAT)


def _count(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value < 2**63:
        raise ArgumentError(f"{name} is {value!r}")
    return value


def _describe_optimizer(optimizer: Optimizer) -> dict[str, Any]:
    lr = None if callable(optimizer.lr) else float(optimizer.lr)
    return {"settings": vars(optimizer.config), "lr": lr, "steps": optimizer.steps}


def _describe_vocabulary(vocabulary: Vocabulary | WordVocabulary) -> dict[str, Any]:
    return {"characters": vocabulary.symbols} if isinstance(vocabulary, Vocabulary) else {"words": vocabulary.words}


# ------------------------------------------------------------------------------ networks as descriptions


def _library() -> Iterator[tuple[str, type[Module]]]:
    from .. import nn

    for name in nn.__all__:
        cls = getattr(nn, name)
        if isinstance(cls, type) and issubclass(cls, Module) and cls not in (Module, Model):
            yield _OWN + name, cls


def _class_name(cls: type[Module]) -> str:
    own = {cls: name for name, cls in _library()}
    return own.get(cls, cls.__name__)


def _classes(given: Iterable[type[Module]]) -> dict[str, type[Module]]:
    classes = dict(_library())
    for cls in given:
        if not (isinstance(cls, type) and issubclass(cls, Module)):
            raise ArgumentError(f"classes: got {cls!r}, expected classes of networks")
        classes[_class_name(cls)] = cls
    return classes


def _describe(module: Module) -> dict[str, Any]:
    args, keywords = module._arguments
    owner = type(module).__name__
    return {
        "class": _class_name(type(module)),
        "arguments": [_encoded(owner, number, value) for number, value in enumerate(args, 1)],
        "keywords": {name: _encoded(owner, name, value) for name, value in keywords.items()},
    }


def _encoded(owner: str, name: object, value: object) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Module):
        return _describe(value)
    if isinstance(value, list):
        return [_encoded(owner, name, item) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_encoded(owner, name, item) for item in value]}
    if type(value) in _CONFIGS.values():
        return {"settings": type(value).__name__, "values": _encoded(owner, name, dict(vars(value)))}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"dict": {key: _encoded(owner, name, item) for key, item in value.items()}}
    raise ArgumentError(
        f"{owner}: cannot be saved: argument {name} of its constructor is a {type(value).__name__}, expected numbers, "
        "texts, None, parts of networks, or lists and dicts of these: have the constructor make the rest from them"
    )


class _UnknownClass(Exception):
    pass


class _Maker:
    """Makes what is described. Raises KeyError, TypeError, ValueError … for what is not."""

    def __init__(self, classes: Mapping[str, type[Module]], max_layers: int | None = None) -> None:
        self._classes = dict(_library()) | dict(classes)
        self._max_layers = max_layers

    def make(self, described: dict[str, Any]) -> Module:
        name = described["class"]
        if name not in self._classes:
            own = str(name).removeprefix(_OWN)
            if not own.isidentifier():
                raise ArgumentError(f"{name!r} is no name of a class")
            if own == name:
                raise _UnknownClass(f"holds a {own}, which is not of lstm_ext.nn: hand it over, classes=[{own}]")
            raise _UnknownClass(f"holds a {own}, which this version of lstm_ext.nn does not have")
        keywords = {str(key): self._decoded(key, value) for key, value in described["keywords"].items()}
        arguments = [self._decoded("", value) for value in described["arguments"]]
        return self._classes[name](*arguments, **keywords)

    def _decoded(self, name: str, value: Any) -> Any:
        if name == "num_layers" and self._max_layers is not None and not value <= self._max_layers:
            raise ArgumentError(f"{value!r} layers, but {self._max_layers} tensors")  # before each of them is made
        if isinstance(value, list):
            return [self._decoded("", item) for item in value]
        if not isinstance(value, dict):
            return value
        if "class" in value:
            return self.make(value)
        if "tuple" in value:
            return tuple(self._decoded("", item) for item in value["tuple"])
        if "settings" in value:
            return cast(Any, _CONFIGS[value["settings"]])(**self._decoded("", value["values"]))
        return {str(key): self._decoded(key, item) for key, item in value["dict"].items()}
