"""The API pages: every public module of lstm_ext, from its docstrings, into build/docs (``make docs``)."""

from __future__ import annotations

import ast
import re
import textwrap
import typing
import warnings
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType

import numpy.typing
import pdoc
import pdoc.doc_ast
import pdoc.docstrings


class ArrayLike:
    """By its name in signatures, not as the union of seven types that it is."""


ArrayLike.__module__ = "numpy.typing"
numpy.typing.ArrayLike = ArrayLike  # before lstm_ext imports it

import lstm_ext  # noqa: E402
from lstm_ext import arguments  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "build" / "docs"
#: A table between lines of ===.
TABLE = re.compile(r"^=+ +=[= ]*\n(?:.*\n)*?=+ +=[= ]*$", re.MULTILINE)


def public_modules() -> list[ModuleType]:
    """All modules whose name has no underscore in front and which can be imported here."""
    modules = [lstm_ext]
    for module in walk_packages(lstm_ext.__path__, "lstm_ext."):
        if "._" in module.name or module.name == "lstm_ext.nn.options":
            continue  # private, or types for type checkers, which signatures show already
        try:
            modules.append(import_module(module.name))
        except ModuleNotFoundError as error:
            print(f"docs: left out {module.name}: {error.name} is not installed")
    return modules


def prepare(modules: list[ModuleType]) -> None:
    """Put right what pdoc cannot see by itself."""
    for module in modules:
        # A constructor that passes options on has the annotations of another module's.
        for name, alias in vars(arguments).items():
            if typing.get_origin(alias) is typing.Annotated:
                vars(module).setdefault(name, alias)
        for name in getattr(module, "__all__", ()):
            getattr(module, name)  # some packages load their names when they are first used
        add_comments(module)
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value.__module__ == module.__name__ and not name.startswith("_"):
                add_comments(value)
                if hasattr(value, "_fields"):
                    # A NamedTuple's constructor does not know the names that its annotations use.
                    value.__new__.__annotations__ = typing.get_type_hints(value)


def as_written(docstring: str, source: Path | None) -> str:
    """A docstring whose tables keep their columns."""
    return TABLE.sub(lambda table: textwrap.indent(table[0], "    "), docstring)


def add_comments(owner: ModuleType | type) -> None:
    """``#:`` above a module's or a class's variable is that variable's docstring."""
    lines = [line.strip() for line in pdoc.doc_ast.get_source(owner).splitlines()]
    docstrings = pdoc.doc_ast.walk_tree(owner).var_docstrings
    for node in pdoc.doc_ast.parse(owner).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if not isinstance(target, ast.Name):
            continue
        first = node.lineno - 1
        while first and lines[first - 1].startswith("#: "):
            first -= 1
        if first < node.lineno - 1:
            docstrings[target.id] = "\n".join(line[3:] for line in lines[first : node.lineno - 1])


if __name__ == "__main__":
    modules = public_modules()
    prepare(modules)
    warnings.simplefilter("error")
    # Options that a constructor passes on have the names that their types have in the inner class's module.
    warnings.filterwarnings("ignore", "Error parsing type annotation (CellName|Mapping.*) for lstm_ext.nn")
    warnings.filterwarnings("ignore", "The module specification")  # pdoc adds some packages' modules by itself, too
    pdoc.docstrings.rst = as_written
    pdoc.render.configure(docformat="restructuredtext", footer_text=f"lstm-lab {lstm_ext.__version__}")
    pdoc.pdoc(*(module.__name__ for module in modules), output_directory=TARGET)
    print(f"docs: wrote {TARGET.relative_to(ROOT)}/index.html")
