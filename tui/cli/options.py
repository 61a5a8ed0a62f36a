"""Command-line options that several commands share, and numbers that say what they expected."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from lstm_ext.errors import ArgumentError

from ..errors import UsageError
from .candidates import CHECKPOINTS, TEXTS, completes

if TYPE_CHECKING:  # NumPy comes with it, which --version does not need
    from _typeshed import SupportsWrite

    from lstm_ext.train.run_config import RunConfig

BACKENDS = ("c", "numpy")


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one line and that never guesses abbreviations."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        message = message.removeprefix("argument ")
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def _print_message(self, message: str, file: SupportsWrite[str] | None = None) -> None:
        """As argparse does, which hides that help and version could not be written."""
        (file or sys.stderr).write(message)


def whole(low: int, high: int = 2**31 - 1) -> Callable[[str], int]:
    """A parser of integers in [low, high]."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            limit = f"of at least {low}" if value < low else f"of at most {high}"
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a whole number {limit}")
        return value

    return parse


def number(
    low: float, high: float = math.inf, *, low_included: bool = True, high_included: bool = False
) -> Callable[[str], float]:
    """A parser of finite numbers between ``low`` and ``high``."""
    left, right = ("[" if low_included else "("), ("]" if high_included else ")")
    if high < math.inf:
        expected = f"a number in {left}{low:g}, {high:g}{right}"
    else:
        expected = f"a finite number {'of at least' if low_included else 'above'} {low:g}"

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        above = value >= low if low_included else value > low
        below = value <= high if high_included else value < high
        if not (above and below and math.isfinite(value)):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected {expected}")
        return value

    return parse


positive = number(0, low_included=False)


def add_text(parser: argparse._ActionsContainer, default: str = "") -> None:
    """``--data``, whose default is ``default`` if there is one, and ``--encoding``."""
    from lstm_ext.data import TEXT_CHOICES  # here, because --version needs no NumPy

    default = f" (default: {default})" if default else ""
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=TEXT_CHOICES + default), TEXTS)
    add_encoding(parser)


def add_checkpoint(parser: argparse._ActionsContainer, what: str) -> None:
    """``--checkpoint``; ``what`` explains it."""
    completes(parser.add_argument("--checkpoint", metavar="F.safetensors", help=what), CHECKPOINTS)


def add_encoding(parser: argparse._ActionsContainer) -> None:
    """``--encoding``."""
    parser.add_argument("--encoding", help="how the text file is encoded (default: utf-8)")


def default(name: str) -> str:
    """What a setting of a run is unless it is given, for help texts."""
    from lstm_ext.train.run_config import DEFAULTS

    value = DEFAULTS[name]
    return f"default: {value}" if isinstance(value, str) else f"default: {value:g}"


def add_cell(parser: argparse._ActionsContainer) -> None:
    """``--cell``."""
    from lstm_ext.cells import CELLS

    parser.add_argument("--cell", choices=tuple(CELLS), help=default("cell"))


def add_switches(parser: argparse._ActionsContainer, only: Sequence[str] = ()) -> None:
    """The options of cells that are on or off, such as ``--peephole``, or ``only`` some; None where not given."""
    from lstm_ext.cells import CELLS

    for cell in CELLS.values():
        for name, text in cell.switches.items():
            if not only or name in only:
                option = "--" + name.replace("_", "-")
                parser.add_argument(option, action="store_true", default=None, help=f"{cell.title} {text}")


def add_network(parser: argparse._ActionsContainer) -> None:
    """The fields of ``ModelConfig``, None where not given."""
    from lstm_ext.train.run_config import DROPOUT, DROPOUT_FROM

    add_cell(parser)
    parser.add_argument("--hidden-size", type=whole(1), metavar="H", help=f"units per layer ({default('hidden_size')})")
    parser.add_argument("--num-layers", type=whole(1), metavar="L", help=default("num_layers"))
    parser.add_argument(
        "--dropout",
        type=number(0, 1),
        metavar="P",
        help=f"of each layer's output (default: {DROPOUT} from {DROPOUT_FROM} units on, below that 0)",
    )
    parser.add_argument("--dtype", choices=("float32", "float64"), help=default("dtype"))
    add_switches(parser)


def add_training(parser: argparse._ActionsContainer) -> None:
    """What one training step is, None where not given."""
    from lstm_ext.engine.config import OPTIMIZERS

    parser.add_argument(
        "--seq-length", type=whole(1), metavar="T", help=f"characters per step and lane ({default('seq_length')})"
    )
    parser.add_argument(
        "--batch-size", type=whole(1), metavar="B", help=f"lanes read in parallel ({default('batch_size')})"
    )
    parser.add_argument("--lr", "--learning-rate", type=positive, metavar="X", help=f"learning rate ({default('lr')})")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help=default("optimizer"))
    parser.add_argument("--seed", type=whole(0), help=f"of weights and dropout ({default('seed')})")


def run_options(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings of a run that were given."""
    from lstm_ext.train.run_config import DEFAULTS

    return {name: value for name, value in vars(arguments).items() if name in DEFAULTS and value is not None}


def run_config(arguments: argparse.Namespace, **otherwise: Any) -> RunConfig:
    """The settings of a run: those that were given, then ``otherwise``, then the defaults. Raises ``UsageError``."""
    from lstm_ext.train.run_config import RunConfig

    try:
        return RunConfig.from_options({**otherwise, **run_options(arguments)})
    except ArgumentError as error:
        raise UsageError(as_option(error)) from error


def as_option(error: ArgumentError) -> str:
    """The message of an error; if it is about a setting of a run, with the option's name in front."""
    from lstm_ext.train.run_config import DEFAULTS

    name, _, problem = str(error).partition(":")
    return f"--{name.replace('_', '-')}:{problem}" if name in DEFAULTS else str(error)


def add_engine(parser: argparse._ActionsContainer, threads: str = "default: 1") -> None:
    """``--backend`` and ``--threads``, whose default help shows as ``threads``."""
    parser.add_argument(
        "--backend", choices=BACKENDS, help="engine: the C core (default where it was built) or its NumPy twin"
    )
    parser.add_argument("--threads", type=whole(1, 1024), metavar="N", help=f"of the C core ({threads})")


def add_json(parser: argparse._ActionsContainer) -> None:
    """``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object on standard output, nothing else")
