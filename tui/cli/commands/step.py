"""Walk a network through a text one gate at a time: every equation with its numbers, forward and backward."""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

from ...errors import UsageError
from ..options import BACKENDS, add_cell, add_checkpoint, add_json, add_switches, positive, whole
from ..output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from lstm_ext.explain.update import LEARNING_RATE

    parser.add_argument("text", metavar="TEXT", help="at least two characters: each one is read to predict the next")
    add_cell(parser)
    add_switches(parser, ("reset_after",))
    parser.add_argument("--hidden-size", type=whole(1, 1024), metavar="H", help="units (default: 3)")
    parser.add_argument("--seed", type=whole(0), help="of the untrained weights (default: 0)")
    parser.add_argument("--trained", action="store_true", help="teach the network the text first")
    add_checkpoint(parser, "the network of a checkpoint instead")
    parser.add_argument(
        "--against",
        metavar="FILE",
        help="follow an LSTM, GRU or RNN of yours, in a Python file, to the first number that differs from the lab's "
        "(status 1)",
    )
    parser.add_argument(
        "--unit",
        type=whole(0),
        metavar="K",
        help="whose numbers to fill in, counted from 0 (default: 0, of a checkpoint the most telling one)",
    )
    parser.add_argument("--backward", action="store_true", help="continue backward, to the gradient of every weight")
    parser.add_argument(
        "--update",
        type=whole(1, 100_000),
        metavar="N",
        help="make N updates of the weights by hand, as Enter does in the lab, and show the last",
    )
    parser.add_argument(
        *("--lr", "--learning-rate"), type=positive, metavar="X", help=f"of these updates (default: {LEARNING_RATE:g})"
    )
    parser.add_argument(
        "--code",
        action="store_true",
        help="the lines of C and NumPy that compute each number, and both engines' numbers",
    )
    parser.add_argument("--ascii", action="store_true", help="nothing but ASCII")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.cells import CELLS, CellName
    from lstm_ext.explain.engines import both
    from lstm_ext.explain.update import LEARNING_RATE, in_float64, learn
    from lstm_ext.explain.walk import spelling_model, walk

    from ...text.step import code_as_dict, render

    if len(arguments.text) < 2:
        raise UsageError(f"TEXT: got {arguments.text!r}, expected at least 2 characters: the last is only predicted")
    if arguments.lr is not None and arguments.update is None:
        raise UsageError("--lr: it is that of --update N; leave out --lr, or give both")
    if arguments.against is not None:
        return _against(arguments)
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
    if arguments.unit is not None:
        _check_unit(arguments.unit, model.config.hidden_size)
    model, rate = in_float64(model), arguments.lr or LEARNING_RATE
    losses = learn(model, arguments.text, vocabulary, [rate] * ((arguments.update or 1) - 1))
    walked = walk(model, arguments.text, vocabulary, learning_rate=rate)
    code = both(walked) if arguments.code else None
    order = walked.telling if arguments.checkpoint else list(range(walked.config.hidden_size))
    unit = order[0] if arguments.unit is None else arguments.unit
    if arguments.json:
        data = {"weights": weights, **walked.as_dict()}
        if arguments.update is not None:
            data["update"] |= {
                "losses": [*losses, walked.loss, walked.updated.loss_after],
                "weights": [dataclasses.asdict(change) for change in walked.updated.changes(unit)],
            }
        if code is not None:
            data |= code_as_dict(walked, code)
        print(json.dumps(data))
        return 0
    lines = render(
        walked,
        unit=unit,
        order=order,
        backward=arguments.backward,
        ascii_only=arguments.ascii,
        weights=weights,
        losses=None if arguments.update is None else losses,
        code=code,
    )
    for line in lines:
        show(line)
    return 0


def _check_unit(unit: int, hidden_size: int) -> None:
    if unit >= hidden_size:
        raise UsageError(f"--unit: got {unit}, expected 0 to {hidden_size - 1}")


def _against(arguments: argparse.Namespace) -> int:
    """Follows a file beside the lab; 1 if a number differs or the file could not be followed to the end."""
    from lstm_ext.errors import LabError

    from ...exercises.debugger.compare import MAX_TEXT, compare
    from ...exercises.debugger.start import KINDS
    from ...text.against import as_dict, render

    for name in ("checkpoint", "trained", "backward", "reset_after", "backend", "update", "code"):
        if getattr(arguments, name) not in (None, False):
            option = "--" + name.replace("_", "-")
            raise UsageError(f"{option}: --against compares with random weights, both ways; leave out {option}")
    if arguments.cell not in (None, *KINDS):
        raise UsageError(f"--cell: got {arguments.cell}, expected one of {', '.join(KINDS)} with --against")
    if len(arguments.text) > MAX_TEXT:
        raise UsageError(f"TEXT: got {len(arguments.text)} characters, expected at most {MAX_TEXT} with --against")
    if arguments.hidden_size == len(set(arguments.text)):
        raise UsageError(
            f"--hidden-size: got {arguments.hidden_size}, as many as the text has different characters; expected "
            "another number, so that shapes tell arrays apart"
        )
    comparison = compare(
        Path(arguments.against),
        arguments.text,
        cell=arguments.cell or "",
        hidden_size=arguments.hidden_size,
        seed=arguments.seed or 0,
    )
    if arguments.json:
        print(json.dumps(as_dict(comparison)))
    elif comparison.walk is None:
        raise LabError(f"{comparison.path}: {comparison.problem}")
    else:
        if arguments.unit is not None:
            _check_unit(arguments.unit, comparison.walk.config.hidden_size)
        for line in render(comparison, unit=arguments.unit, ascii_only=arguments.ascii):
            show(line)
    return 0 if comparison.agrees else 1
