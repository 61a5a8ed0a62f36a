"""Open the laboratory: watch a network learn, and step through it, in the terminal."""

from __future__ import annotations

import argparse
from pathlib import Path

from lstm_ext.data import DEFAULT_TEXT

from ...app.session import MAX_THREADS, Opening
from ...errors import UsageError
from ..checkpoints import readable
from ..options import (
    add_checkpoint,
    add_engine,
    add_network,
    add_text,
    add_training,
    positive,
    run_options,
    whole,
)
from ..starting import open_lab


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_text(parser, DEFAULT_TEXT)
    add_checkpoint(parser, "continue with the network in this file")
    parser.add_argument(
        "--against",
        metavar="FILE",
        default="",
        help="open the Step screen on an LSTM, GRU or RNN of yours in this file",
    )
    record = "record everything as a lesson, into a new file NAME.jsonl (`lstm-lab replay` shows it)"
    parser.add_argument("--record", metavar="FILE", help=record)
    parser.add_argument("--ascii", dest="ascii_only", action="store_true", help="draw with ASCII characters only")
    add_network(parser)
    add_training(parser)
    end = "where training ends; without one it continues until the lab is left"
    parser.add_argument("--steps", type=whole(1, 2**62), metavar="N", help=end)
    parser.add_argument("--epochs", type=positive, metavar="N", help="in the same way, passes over the text")
    parser.add_argument("--seconds", type=positive, metavar="S", help="in the same way, seconds of training")
    add_engine(parser, threads=f"default: all CPUs but one, at most {MAX_THREADS}")


def run(arguments: argparse.Namespace) -> int:
    checkpoint = None if arguments.checkpoint is None else readable(arguments.checkpoint)
    if arguments.against and not Path(arguments.against).is_file():
        raise UsageError(f"--against: there is no file {arguments.against}")
    opening = Opening(
        arguments.data or "",
        arguments.encoding or "",
        checkpoint,
        arguments.against,
        steps=arguments.steps,
        epochs=arguments.epochs,
        seconds=arguments.seconds,
    )
    return open_lab(opening, run_options(arguments), ascii_only=arguments.ascii_only, record=arguments.record)
