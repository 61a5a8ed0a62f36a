"""Print a script that lets bash, zsh or fish complete commands, options, texts, checkpoints, experiments and ids."""

from __future__ import annotations

import argparse

from ..candidates import SHELLS, preamble


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell that will read it")


def run(arguments: argparse.Namespace) -> int:
    import shtab

    from lstm_ext.data import BUILTIN
    from lstm_ext.experiments import NAMES
    from lstm_lab.exercises.catalogue import exercises
    from lstm_lab.handbook.topics import topics

    from ..parser import make_parser

    functions = preamble(arguments.shell, tuple(BUILTIN), NAMES, tuple(exercises()), tuple(topics()))
    print(shtab.complete(make_parser(), arguments.shell, preamble=functions))
    return 0
