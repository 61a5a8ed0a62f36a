"""Print a script that lets bash, zsh or fish complete commands, options, texts, checkpoints and experiments."""

from __future__ import annotations

import argparse

from ..candidates import SHELLS, preamble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that will read it")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    from lstm_ext.data import BUILTIN
    from lstm_ext.experiments import NAMES

    from ..parser import make_parser

    print(shtab.complete(make_parser(), arguments.shell, preamble=preamble(arguments.shell, tuple(BUILTIN), NAMES)))
    return 0
