"""The command line as argparse sees it: ``lstm-lab``, and a sub-parser for each command."""

from __future__ import annotations

from collections.abc import Collection
from importlib import import_module

from lstm_ext import __version__

from .options import Parser

#: Each command and its line in the help; the module of that name in ``commands`` has its options and runs it.
COMMANDS = {
    "lab": "open the laboratory (what plain `lstm-lab` does)",
    "train": "train a network on a text and save it in a checkpoint",
    "generate": "let a trained network write",
    "eval": "measure a trained network on a text",
    "gates": "show what every unit's gates do on a text, and what it follows",
    "flow": "show how far back a loss reaches: gradients along a text, LSTM, GRU and RNN",
    "surgery": "hold gates or units of a network, or scale its matrices: loss and samples before and after",
    "step": "walk through a text one gate at a time, in plain text",
    "timeline": "show what a network would have written at steps all along its training",
    "runs": "list past runs; show, rename, delete or export one",
    "experiment": "answer a question about recurrent networks by measuring",
    "learn": "take the course: exercises that know what you did wrong",
    "handbook": "look up cells, gates, settings, symptoms, terms and papers",
    "replay": "replay a recorded lesson on the lab's own screens",
    "verify": "prove the engines against each other, the textbook and PyTorch",
    "config": "say where config.toml is, what it may say, and what is wrong with it",
    "doctor": "show versions, engine, speed, terminal and texts, and what to improve",
    "completion": "print a completion script for bash, zsh or fish",
}


def make_parser(commands: Collection[str] = tuple(COMMANDS)) -> Parser:
    """The whole command line; the modules of ``commands`` are imported, so that those have all their options.

    The parsed arguments have the function ``run``, which runs the command and returns its exit status.
    """
    parser = Parser(
        prog="lstm-lab",
        usage="lstm-lab [COMMAND] [OPTIONS]",
        description="A laboratory for recurrent networks in the terminal.",
        epilog="`lstm-lab COMMAND --help` explains a command. Without a command, options are those of `lab`.",
    )
    parser.add_argument("-V", "--version", action="version", version=f"lstm-lab {__version__}")
    choices = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        command = choices.add_parser(name, prog=f"lstm-lab {name}", help=summary)
        if name in commands:
            module = import_module(f".commands.{name}", __package__)
            command.description = module.__doc__
            command.set_defaults(run=module.run)
            module.add_arguments(command)
    return parser
