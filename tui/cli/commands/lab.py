"""Open the laboratory: watch a network learn, and step through it, in the terminal."""

from __future__ import annotations

import argparse

from lstm_ext.data import DEFAULT_TEXT

from ...app.lab import run_lab
from ..checkpoints import readable
from ..options import add_engine, add_network, add_text, add_training


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_text(parser, DEFAULT_TEXT)
    parser.add_argument("--checkpoint", metavar="F.safetensors", help="go on with the network in this file")
    parser.add_argument("--ascii", dest="ascii_only", action="store_true", help="draw with ASCII characters only")
    add_network(parser)
    add_training(parser)
    add_engine(parser, threads="all CPUs but one, at most 4")


def run(arguments: argparse.Namespace) -> int:
    if arguments.checkpoint is not None:
        readable(arguments.checkpoint)
    options = vars(arguments)
    return run_lab(**{**options, "encoding": arguments.encoding or "utf-8"})
