"""One call of the fuzzer: which function, on what, with which arguments; all of it decided by two numbers."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import json
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from registry import Public, public
from values import B, H, T, V, floats, good, hostile, symbols

import lstm_ext
from lstm_ext import LabError, LanguageModel, ModelConfig, Text, Trainer, TrainerConfig, experiments, nn
from lstm_ext.cells import CELLS
from lstm_ext.conversion.weights import save_pytorch
from lstm_ext.experiments.experiment import Results
from lstm_ext.explain.walk import walk

#: What a caller of the library has to expect.
EXPECTED = (ValueError, TypeError, LabError)
#: How many of the calls have only good arguments.
GOOD = 0.3


class Unmakeable(Exception):
    """No instance could be made for a call, so there is none."""


class Call:
    """The ``number``-th call of ``seed``."""

    def __init__(self, seed: int, number: int, functions: list[Public], folder: Path) -> None:
        self.rng = np.random.default_rng((seed, number))
        self.public = functions[self.rng.integers(len(functions))]
        self.folder = folder
        self._results: list[Any] = []

    def make(self) -> None:
        """Makes the call; raises what it raises. Unexpected errors on the way to it are not the call's own."""
        public = self.public
        if public.owner is None or public.is_constructor:
            self._invoke(public.function, self._arguments(public.function, spoil=True))
            return
        subject: Any = public.owner
        name = public.name.rpartition(".")[2]
        raw = inspect.getattr_static(public.owner, name)
        if not isinstance(raw, classmethod | staticmethod):
            subject = self.instance(public.owner, built=name != "build")
            self._warm_up(subject)
        if public.is_property:
            getattr(subject, name)
            if public.function.fset is not None:
                setattr(subject, name, hostile(self.rng, 0.5))
            return
        function = getattr(subject, name)
        if not callable(function):  # a field of an instance, in front of a method of its class
            return
        self._invoke(function, self._arguments(function, spoil=True))

    def _warm_up(self, subject: Any) -> None:
        """Some calls before, so that there is something to go back through."""
        for _ in range(self.rng.integers(3)):
            others = [
                n
                for n in ("forward", "loss_and_gradient", "forward", "step", "add", "build")
                if hasattr(type(subject), n)
            ]
            if others:
                function = getattr(subject, others[self.rng.integers(len(others))])
                if not callable(function):
                    return
                with contextlib.suppress(*EXPECTED):
                    self._results.append(function(**self._arguments(function, spoil=False)))

    def _invoke(self, function: Callable[..., Any], arguments: dict[str, Any]) -> None:
        extra = arguments.pop("*", ())
        with stopped(getattr(function, "__self__", None)):
            result = function(*extra, **arguments)
            if isinstance(result, Iterator):
                list(itertools.islice(result, 3))
            elif hasattr(result, "__enter__") and not hasattr(result, "read"):
                with result:
                    pass
            else:
                repr(result)

    def _arguments(self, function: Callable[..., Any], *, spoil: bool) -> dict[str, Any]:
        """By name; for ``*parts`` under "*"."""
        rng, arguments = self.rng, {}
        owner = function if isinstance(function, type) else inspect.unwrap(function)
        if isinstance(owner, type) and isinstance(vars(owner).get("__init__"), types.FunctionType):
            owner = inspect.unwrap(owner.__init__)  # type: ignore[misc]
        names = {**vars(sys.modules[owner.__module__]), "Path": Path}
        for parameter in inspect.signature(function).parameters.values():
            needed = parameter.default is parameter.empty
            if parameter.kind is parameter.VAR_KEYWORD or (not needed and rng.random() < 0.6):
                continue
            hint = parameter.annotation
            if isinstance(hint, str):
                try:
                    hint = eval(hint, names)
                except NameError:
                    hint = Any
            if parameter.kind is parameter.VAR_POSITIONAL:
                arguments["*"] = [good(rng, parameter.name, hint, self.instance) for _ in range(rng.integers(3))]
            elif parameter.name in ("W", "b") and "_forward" in self.public.name:
                arguments[parameter.name] = self._cell_weights()[parameter.name]
            elif parameter.name == "x" and "_forward" in self.public.name and rng.random() < 0.8:
                arguments[parameter.name] = symbols(rng, T, B) if rng.random() < 0.5 else np.ones((T, B, V))
            else:
                arguments[parameter.name] = self._good(parameter.name, hint, getattr(function, "__self__", None))
        if spoil and arguments and rng.random() > GOOD:
            for _ in range(1 + (rng.random() < 0.2)):
                name = list(arguments)[rng.integers(len(arguments))]
                arguments[name] = [hostile(rng, None)] if name == "*" else hostile(rng, arguments[name])
        return arguments

    def _good(self, name: str, hint: Any, subject: Any) -> Any:
        """Mostly one that fits the network that is called, and what it gave last."""
        rng = self.rng
        if isinstance(subject, nn.Module) and rng.random() < 0.8:
            if name in ("inputs", "x"):
                return self._read_by(subject)
            if name == "parameters":
                return np.zeros(subject.num_parameters)
            outputs = [result for result in self._results if isinstance(result, np.ndarray) and result.ndim]
            if name in ("dout", "outputs", "predictions") and outputs:
                return np.ones_like(outputs[-1])
            if name == "targets" and isinstance(subject, nn.Model):
                with contextlib.suppress(*EXPECTED):
                    outputs.append(subject.forward(self._read_by(subject)))
                if outputs and subject.criterion is nn.mean_squared_error:
                    return np.zeros_like(outputs[-1])
                if outputs and outputs[-1].ndim and outputs[-1].shape[-1]:
                    return rng.integers(0, outputs[-1].shape[-1], outputs[-1].shape[:-1])
        return good(rng, name, hint, self.instance)

    def _read_by(self, network: nn.Module) -> np.ndarray:
        """Symbols (T, B) or numbers (T, B, D)."""
        size = 0
        for _, part in network.modules():
            if isinstance(part, LanguageModel | nn.Embedding):
                return symbols(self.rng, T, B)
            size = size or getattr(part, "input_size", 0) or getattr(part, "size", 0)
        if isinstance(network, nn.RecurrentLayer):
            return self.rng.normal(size=(T, B, network.config.input_size)).astype(network.dtype)
        return self.rng.normal(size=(T, B, size or V)).astype(getattr(network, "_shared", np.zeros(1, "f4")).dtype)

    # ------------------------------------------------------------------ what the library is used with

    def instance(self, kind: type, *, built: bool = True) -> Any:
        """One of ``kind`` or of a class below it."""
        rng = self.rng
        if not built and kind in (nn.Model, nn.Module):
            kind = nn.Classifier
        for known, make in RECIPES.items():
            if (kind is known or kind.__name__ == known) and built:
                return make(self)
        if not kind.__module__.startswith("lstm_ext"):
            return None
        for _ in range(5):
            try:
                made = kind(**self._plain(kind))
            except EXPECTED:
                continue
            if built and isinstance(made, nn.Module) and not hasattr(made, "_shared"):
                made.build(
                    dtype=str(rng.choice(["float32", "float64"])),
                    backend=self.backend(),
                    threads=int(rng.integers(1, 3)),
                )
            return made
        raise Unmakeable(kind.__name__)

    def _plain(self, kind: type) -> dict[str, Any]:
        arguments = self._arguments(kind, spoil=False)
        return {name: value for name, value in arguments.items() if name != "*"}

    def backend(self) -> str:
        names = lstm_ext.available_backends()
        return str(names[self.rng.integers(len(names))])

    def language_model(self) -> LanguageModel:
        rng = self.rng
        cell: Any = list(CELLS)[rng.integers(len(CELLS))]
        dtype: Any = rng.choice(["float32", "float64"])
        config = ModelConfig(
            V, H, V, cell=cell, num_layers=int(rng.integers(1, 3)), dtype=dtype, dropout=float(rng.choice([0, 0.3]))
        )
        return LanguageModel(config, seed=1, backend=self.backend(), threads=int(rng.integers(1, 3)))

    def text(self) -> Text:
        return Text.from_string("abcde" * int(self.rng.integers(2, 60)))

    def trainer(self) -> Trainer:
        config = TrainerConfig(seq_length=4, batch_size=2, eval_every=2 if self.rng.random() < 0.5 else None)
        return Trainer(self.language_model(), self.text(), config)

    def batch(self) -> nn.Batch:
        rng = self.rng
        inputs = symbols(rng, T, B) if rng.random() < 0.5 else floats(rng, T, B, V)
        targets = (symbols(rng, T, B), symbols(rng, B), floats(rng, B, V), floats(rng, 2, B, V))[rng.integers(4)]
        return nn.Batch(inputs, None if rng.random() < 0.5 else rng.integers(0, T + 1, B), targets)

    def _cell_weights(self) -> dict[str, np.ndarray]:
        name = self.public.name.rpartition(".")[2].partition("_")[0]
        rows = {"lstm": 4, "gru": 3}.get(name, 1) * H
        return {"W": self.rng.normal(size=(rows, H + V)), "b": np.zeros(rows)}

    def cache(self) -> Any:
        name = str(self.rng.choice(["lstm", "gru", "rnn"]))
        wanted = self.public.name.rpartition(".")[2].partition("_")
        if wanted[2] == "backward":
            name = wanted[0]
        blocks = {"lstm": 4, "gru": 3, "rnn": 1}[name]
        states = [None] * (2 if name == "lstm" else 1)
        forward: Any = getattr(lstm_ext, f"{name}_forward")
        W, b = floats(self.rng, blocks * H, H + V).astype("f8"), np.zeros(blocks * H)
        return forward(np.ones((T, B, V)), *states, W, b, backend=self.backend())[-1]

    def checkpoint(self) -> Any:
        path = self.folder / "made.safetensors"
        trainer = self.trainer()
        trainer.save(str(path))
        return lstm_ext.load_checkpoint(str(path))

    def path(self) -> Path:
        """Mostly one of a kind of file that the library reads; sometimes a new one, a folder, or none."""
        n = self.rng.integers(9)
        if n >= len(FILES):
            return self.folder / ("none" if n % 2 else "new.safetensors")
        name, write = FILES[n]
        path = self.folder / name
        if not path.exists():
            write(path, self)
        return path

    def walked(self) -> Any:
        text = self.text()
        return walk(self.language_model(), "abc", text.vocabulary)

    def trace(self) -> Any:
        return self.language_model().trace(symbols(self.rng, T, B))


RECIPES: dict[Any, Callable[[Call], Any]] = {
    LanguageModel: Call.language_model,
    ModelConfig: lambda call: call.language_model().config,
    "Module": Call.language_model,
    "Model": lambda call: call.language_model() if call.rng.random() < 0.5 else call.instance(nn.Classifier),
    "Optimizer": lambda call: nn.Optimizer(call.language_model()),
    Text: Call.text,
    "Vocabulary": lambda call: call.text().vocabulary,
    "TextIdentity": lambda call: call.text().identity,
    "Lanes": lambda call: lstm_ext.Lanes(symbols(call.rng, 40), 2, 5),
    Trainer: Call.trainer,
    "RunState": lambda call: lstm_ext.RunState.start(call.language_model(), TrainerConfig(batch_size=2)),
    "Batch": Call.batch,
    "Cache": Call.cache,
    "FitResult": lambda call: nn.fit(call.language_model(), [(x := symbols(call.rng, T, B), None, x)] * 2),
    "Checkpoint": Call.checkpoint,
    "Walk": Call.walked,
    "Step": lambda call: call.walked().steps[0],
    "Moment": lambda call: call.walked().moments[0],
    "Trace": Call.trace,
    "TextTrace": Call.trace,
    "Activations": lambda call: (
        model := call.language_model(),
        model.forward(symbols(call.rng, T, B)),
        model.engine.activations(0),
    )[-1],
    "RecurrentLayer": lambda call: call.instance(nn.Recurrent).layers[0],
    "Sequential": lambda call: nn.Sequential(
        nn.Embedding(V, H), nn.Recurrent("lstm", H, H), nn.Last(), nn.Linear(H, V)
    ).build(),
    "WordVocabulary": lambda call: nn.WordVocabulary(["abc", "the", "cat"]),
    "SplitSeries": lambda call: lstm_ext.tasks.series.SplitSeries(np.arange(90.0), 5, 3),
    "Results": lambda _: Results({"a": {"n": 1}}, (0, 1), {("a", seed): {"abc": 1.0, "loss": 2.0} for seed in (0, 1)}),
    "Experiment": lambda _: experiments.load("memory"),
    "Path": Call.path,
    "PosixPath": Call.path,
    "Generator": lambda call: np.random.default_rng(3),
    "EngineModule": lambda call: lstm_ext.engine.backend.engine_module(call.backend()),
    "StopFlag": lambda call: lstm_ext.engine.stop.StopFlag(),
}


def _tagged(path: Path, _: Call) -> None:
    path.write_text("-DOCSTART- -X- O O\n\nthe DT O O\nCat NN O B-PER\n\nsat VB O O\n")


FILES: list[tuple[str, Callable[[Path, Call], object]]] = [
    ("text.txt", lambda path, _: path.write_text("the cat sat on the mat. " * 20)),
    ("numbers.csv", lambda path, _: path.write_text("a,b\n1,2\n3,4\n")),
    ("tagged.conll", _tagged),
    ("run.safetensors", lambda path, call: call.trainer().save(str(path))),
    ("net.safetensors", lambda path, call: nn.save(call.language_model(), str(path))),
    ("torch.safetensors", lambda path, call: save_pytorch(call.language_model(), str(path))),
    ("broken.json", lambda path, _: path.write_text(json.dumps({"numbers": None}))),
]


@contextlib.contextmanager
def stopped(subject: Any) -> Iterator[None]:
    """A run without limits is right to go on for ever: it is stopped from outside, and ended before the next call."""
    if isinstance(subject, types.ModuleType) or not isinstance(subject, Trainer):
        yield
        return
    timer = threading.Timer(0.2, subject.stop)
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        subject.stop(wait=True)


def functions(area: str | None = None) -> list[Public]:
    """Those of an area, such as "tasks", or all."""
    return [each for each in public() if area is None or each.name.split(".")[1] == area]
