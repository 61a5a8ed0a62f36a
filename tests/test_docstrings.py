"""Every public callable says what it takes, gives and refuses: a few mechanical rules, held for all of lstm_ext.

Public is what has no underscore in front: modules, their own functions and classes, and the classes' methods and
properties. What a docstring names as ``lstm_ext.…`` belongs to it; so does a class's docstring to its methods, and
a base class's method to the method that overrides it without a docstring of its own.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pkgutil import resolve_name, walk_packages
from types import FunctionType, ModuleType
from typing import NamedTuple

import pytest

import lstm_ext

#: (T, B, D), (H,) and the like, or the word itself.
SHAPE = re.compile(r"\([\w·+−\-… ]+,[\w·+−\-…, ]*\)|\bshape|\bscalar|\belementwise")
ARRAY = re.compile(r"ndarray|ArrayLike|NDArray")
LOSS = re.compile(r"loss|cross_entropy|perplexity")
UNIT = re.compile(r"\bnats\b|squared|units?\b")
#: Errors that say that the code is used against its own rules, not that an argument is wrong.
PROGRAMMING = {"NotImplementedError", "AttributeError", "AssertionError", "TypeError", "RuntimeError", "KeyError"}

#: Modules that are left out where what they need is not installed.
NEEDS = {"lstm_ext.verify.pytorch"}
#: What implements the same interface says it once, in the interface.
ALIKE = {
    "lstm_ext.engine.core.Core": ("lstm_ext.engine.interface:EngineModule",),
    "lstm_ext.engine.core.CoreEngine": ("lstm_ext.engine.interface:Engine",),
    "lstm_ext.engine.twin.model.Engine": ("lstm_ext.engine.interface:Engine",),
}
#: What is known under somebody's name says whose: a paper, by author and year.
SOURCES = {
    "lstm_ext.cells.lstm": "Hochreiter and Schmidhuber 1997",
    "lstm_ext.cells.gru": "Cho et al. 2014",
    "lstm_ext.cells.rnn": "Elman 1990",
    "lstm_ext.cells.mingru": "Feng, Tung, Ahmed, Bengio and Hajimirsadeghi 2024",
    "lstm_ext.cells.config:LayerConfig": "Gers and Schmidhuber 2000",
    "lstm_ext.data.ngram:ngram_losses": "Chen and Goodman 1999",
    "lstm_ext.engine.config:OptimizerConfig": "Kingma and Ba (2015)",
    "lstm_ext.engine.interface:EngineModule.layer_forward": "Gal and Ghahramani 2016",
    "lstm_ext.engine.rng": "Steele, Lea and Flood 2014",
    "lstm_ext.engine.twin.sampling:draw": "Holtzman et al. 2020",
    "lstm_ext.nn.dropout:Dropout": "Srivastava et al. 2014",
    "lstm_ext.nn.functional:lstm_forward": "Hochreiter and Schmidhuber 1997",
    "lstm_ext.nn.functional:gru_forward": "Cho et al. 2014",
    "lstm_ext.nn.functional:rnn_forward": "Elman 1990",
    "lstm_ext.nn.initialization": "Glorot and Bengio 2010",
    "lstm_ext.nn.layer_norm:LayerNorm": "Ba et al. 2016",
    "lstm_ext.nn.pooling:Attention": "Raffel and Ellis (2015)",
    "lstm_ext.nn.recurrent:Recurrent": "Zaremba et al. 2014",
    "lstm_ext.nn.schedule:factor": "Loshchilov and Hutter 2017",
    "lstm_ext.nn.seq2seq:Seq2Seq": "Sutskever et al. 2014",
    "lstm_ext.nn.textbook:LSTM": "Hochreiter and Schmidhuber 1997",
    "lstm_ext.nn.textbook:GRU": "Cho et al. 2014",
    "lstm_ext.nn.textbook:RNN": "Elman 1990",
    "lstm_ext.tasks.adding": "Hochreiter and Schmidhuber (1997",
    "lstm_ext.tasks.bio": "Tjong Kim Sang and De Meulder 2003",
    "lstm_ext.tasks.copy_memory": "Arjovsky, Shah and Bengio (2016",
    "lstm_ext.tasks.reber": "Reber (1967)",
}


class Subject(NamedTuple):
    """A public callable, and all the text that speaks of it."""

    name: str
    function: FunctionType | None  # None: a class
    doc: str
    text: str


def modules() -> Iterator[ModuleType]:
    yield lstm_ext
    for module in walk_packages(lstm_ext.__path__, "lstm_ext."):
        if "._" not in module.name and module.name not in NEEDS:
            yield import_module(module.name)


def subjects(module: ModuleType) -> Iterator[Subject]:
    for name, value in vars(module).items():
        own = getattr(value, "__module__", "") == module.__name__ and getattr(value, "__name__", "") == name
        if not own or name.startswith("_"):
            continue
        full = f"{module.__name__}.{name}"
        if isinstance(value, FunctionType):
            yield Subject(full, value, value.__doc__ or "", with_named(value.__doc__ or ""))
        elif isinstance(value, type):
            yield from members(full, value)


def members(full: str, cls: type) -> Iterator[Subject]:
    doc = cls.__doc__ or getattr(cls, "method", "")  # what an experiment says about itself
    if doc.startswith(f"{cls.__name__}("):  # what a dataclass or a NamedTuple writes by itself
        doc = ""
    fields = re.findall(r"#: (.*)", inspect.getsource(cls))
    about = "\n".join([with_named(doc), *fields])
    yield Subject(full, None, doc, about)
    for name, member in vars(cls).items():
        function = inspect.unwrap(getattr(member, "fget", None) or getattr(member, "__func__", member))
        if not isinstance(function, FunctionType) or function.__code__.co_filename.startswith("<"):
            continue  # no function, or one that a dataclass wrote
        if name in ("__init__", "__post_init__"):
            yield Subject(f"{full}.{name}", function, doc, with_named(function.__doc__ or "") + about)
        elif not name.startswith("_"):
            own = function.__doc__ or inherited(cls, name)
            yield Subject(f"{full}.{name}", function, own, with_named(own) + about)


def inherited(cls: type, name: str) -> str:
    bases = [*cls.__mro__[1:], *(resolve_name(base) for base in ALIKE.get(f"{cls.__module__}.{cls.__name__}", ()))]
    docs = (vars(base)[name].__doc__ for base in bases if name in vars(base))
    return next((doc for doc in docs if doc), "")


def with_named(doc: str) -> str:
    """``doc``, and the docstrings of what it names in full."""
    named = [resolve_name(name).__doc__ or "" for name in re.findall(r"``(lstm_ext\.[\w.]+)``", doc)]
    return "\n".join([doc, *named])


def raised(function: FunctionType) -> set[str]:
    """The errors of a user that a function's own body raises."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    errors = [node.exc for node in ast.walk(tree) if isinstance(node, ast.Raise) and node.exc is not None]
    names = {ast.unparse(error.func if isinstance(error, ast.Call) else error) for error in errors}
    return {name for name in names if name[0].isupper()} - PROGRAMMING


def complaints(subject: Subject) -> Iterator[str]:
    if not subject.doc.strip():
        yield "has no docstring"
        return
    if re.search(r"see the (module|class)\b", subject.doc):
        yield "says 'see the module' without its name"
    if subject.function is None:
        return
    name = subject.name.rpartition(".")[2]
    if ARRAY.search(str(subject.function.__annotations__)) and not SHAPE.search(subject.text):
        yield "has arrays in its signature and no shape in its docstring"
    if LOSS.search(name) and not UNIT.search(subject.text):
        yield "is about a loss and does not say its unit"
    missing = sorted(error for error in raised(subject.function) if error not in subject.text)
    if missing:
        yield f"raises {', '.join(missing)} and does not say when"


@pytest.mark.parametrize("module", list(modules()), ids=lambda module: module.__name__)
def test_docstrings_are_whole(module: ModuleType) -> None:
    assert (module.__doc__ or "").strip(), f"{module.__name__} has no docstring"
    assert not [f"{s.name} {why}" for s in subjects(module) for why in complaints(s)]


@pytest.mark.parametrize(("name", "source"), SOURCES.items())
def test_what_is_known_says_whose_it_is(name: str, source: str) -> None:
    assert source in " ".join((resolve_name(name).__doc__ or "").split())
