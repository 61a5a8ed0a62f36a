"""Walk a network through a text one gate at a time: every equation with its numbers, forward and backward."""

from __future__ import annotations

import argparse
import json

from ...errors import UsageError
from ..options import BACKENDS, add_cell, add_checkpoint, add_json, add_switches, whole
from ..output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", metavar="TEXT", help="at least two characters: each one is read to predict the next")
    add_cell(parser)
    add_switches(parser, ("reset_after",))
    parser.add_argument("--hidden-size", type=whole(1, 1024), metavar="H", help="units (default: 3)")
    parser.add_argument("--seed", type=whole(0), help="of the untrained weights (default: 0)")
    parser.add_argument("--trained", action="store_true", help="teach the network the text first")
    add_checkpoint(parser, "the network of a checkpoint instead")
    parser.add_argument("--unit", type=whole(1), default=1, metavar="K", help="whose numbers to fill in (default: 1)")
    parser.add_argument("--backward", action="store_true", help="continue backward, to the gradient of every weight")
    parser.add_argument("--ascii", action="store_true", help="nothing but ASCII")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.cells import CELLS, CellName
    from lstm_ext.explain.walk import spelling_model, walk

    from ...text.step import render

    if len(arguments.text) < 2:
        raise UsageError(f"TEXT: got {arguments.text!r}, expected at least 2 characters: the last is only predicted")
    if arguments.checkpoint:
        from ..checkpoints import load_network

        network = ("cell", "reset_after", "hidden_size", "seed", "trained")
        if given := [name for name in network if getattr(arguments, name) not in (None, False)]:
            option = "--" + given[0].replace("_", "-")
            raise UsageError(f"{option}: a checkpoint brings its own network; leave out {option} or --checkpoint")
        saved = load_network(arguments.checkpoint, backend=arguments.backend)
        model, vocabulary = saved.model, saved.vocabulary
        step = "" if saved.run is None else f" (step {saved.run.state.step:,})"
        weights = f"weights of {arguments.checkpoint}{step}"
    else:
        takers: list[CellName] = [name for name, cell in CELLS.items() if "reset_after" in cell.options]
        model, vocabulary = spelling_model(
            arguments.text,
            cell=arguments.cell or (takers[0] if arguments.reset_after else "lstm"),
            hidden_size=arguments.hidden_size or 3,
            reset_after=bool(arguments.reset_after),
            trained=arguments.trained,
            seed=arguments.seed or 0,
            backend=arguments.backend,
        )
        weights = "trained on this text" if arguments.trained else "untrained"
    if arguments.unit > model.config.hidden_size:
        raise UsageError(
            f"--unit: got {arguments.unit}, expected at most {model.config.hidden_size}, the network's size"
        )

    walked = walk(model, arguments.text, vocabulary)
    if arguments.json:
        print(json.dumps({"weights": weights, **walked.as_dict()}))
        return 0
    lines = render(
        walked, unit=arguments.unit - 1, backward=arguments.backward, ascii_only=arguments.ascii, weights=weights
    )
    for line in lines:
        show(line)
    return 0
