"""Let a trained network write to standard output, character by character."""

from __future__ import annotations

import argparse
import secrets
import sys

from lstm_ext.errors import DataError

from ...errors import UsageError
from ...text.visible import visible
from ..checkpoints import load_network
from ..options import add_checkpoint, add_engine, number, whole

#: Characters drawn between two writes.
PIECE = 64


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "a network that `lstm-lab train` saved, or lstm_ext.nn.save with its vocabulary")
    parser.add_argument("--length", type=whole(0, 2**62), default=500, metavar="N", help="characters (default: 500)")
    parser.add_argument(
        "--temperature",
        type=number(0),
        default=0.8,
        metavar="X",
        help="0 always takes the likeliest; 1 draws as the network predicts; more is wilder (default: 0.8)",
    )
    parser.add_argument("--prime", metavar="TEXT", help="the text to continue (default: a new line)")
    parser.add_argument(
        "--top-k", type=whole(0), default=0, metavar="K", help="draw from the K likeliest (default: 0, all)"
    )
    parser.add_argument(
        "--top-p",
        type=number(0, 1, low_included=False, high_included=True),
        default=1.0,
        metavar="P",
        help="draw from the fewest whose probabilities add up to P (default: 1, all)",
    )
    parser.add_argument("--seed", type=whole(0, 2**63 - 1), metavar="S", help="the same seed writes the same text")
    add_engine(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.prime == "":
        raise UsageError("--prime: is empty; expected at least one character")

    network = load_network(arguments.checkpoint, backend=arguments.backend, threads=arguments.threads)
    model, vocabulary = network.model, network.vocabulary
    start = arguments.prime or ("\n" if "\n" in vocabulary.symbols else vocabulary.symbols[0])
    seed = secrets.randbits(63) if arguments.seed is None else arguments.seed
    try:
        symbols = vocabulary.encode(start)
    except DataError as error:
        raise DataError(f"--prime: {error}") from error

    def write(text: str) -> None:
        # A terminal obeys control characters; a network that learned some may write them anywhere.
        sys.stdout.write(visible(text, keep="\n\t") if sys.stdout.isatty() else text)
        sys.stdout.flush()

    state = model.zero_state()
    drawn = 0
    text = arguments.prime or ""
    write(text)
    try:
        while drawn < arguments.length:
            symbols = model.sample(
                symbols,
                min(PIECE, arguments.length - drawn),
                temperature=arguments.temperature,
                top_k=arguments.top_k,
                top_p=arguments.top_p,
                seed=seed,
                offset=drawn,
                state=state,
            )
            drawn += len(symbols)
            text = vocabulary.decode(symbols)
            write(text)
            symbols = symbols[-1:]
    finally:
        if not text.endswith("\n"):
            write("\n")
    return 0
