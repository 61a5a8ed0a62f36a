"""Show what every unit's gates and states do on a text: how often they saturate, how long they remember, and what
they follow."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..candidates import TEXTS, completes
from ..options import BACKENDS, add_checkpoint, add_encoding, add_json, whole
from ..output import columns, show

if TYPE_CHECKING:
    from lstm_ext.engine.config import ModelConfig

#: Characters that are read unless told otherwise: enough to tell what a unit follows.
LENGTH = 4000
ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    from lstm_ext.explain.units import ORDERS

    add_checkpoint(parser, "a network that `lstm-lab train` saved, or lstm_ext.nn.save with its vocabulary")
    parser.add_argument("--text", metavar="TEXT", help="what the network reads")
    what = "a text that it reads instead (default: the part of the training text that was kept apart)"
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=what), TEXTS)
    add_encoding(parser)
    parser.add_argument(
        "--length", type=whole(1), metavar="N", default=LENGTH, help=f"its first N characters (default: {LENGTH})"
    )
    parser.add_argument("--layer", type=whole(1), metavar="K", default=1, help="(default: 1, the lowest)")
    parser.add_argument(
        "--gate", metavar="NAME", default="h", help="gate or state, by letter or name: f, forget, c, … (default: h)"
    )
    parser.add_argument("--sort", choices=ORDERS, default="number", help="which units come first (default: number)")
    parser.add_argument("--units", type=whole(1), metavar="N", default=ROWS, help=f"how many of them (default: {ROWS})")
    parser.add_argument("--unit", type=whole(0), metavar="K", help="one unit in detail, counted from 0")
    parser.add_argument("--character", metavar="C", default="", help="with --unit or --json: one more to follow")
    parser.add_argument("--output", metavar="F", help="write all values to F.csv or F.json, a row for each character")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.explain.reading import read, views
    from lstm_ext.files import write_atomically

    from ...text import gates
    from ..checkpoints import load_network, measured_text

    _check(arguments)
    network = load_network(arguments.checkpoint, backend=arguments.backend)
    name = _quantity(arguments, network.model.config)
    if arguments.text is not None:
        source, notice, symbols = "given", "", network.vocabulary.encode(arguments.text)
    else:
        measured = measured_text(network, arguments.data, arguments.encoding)
        source, notice, symbols = measured.name, measured.notice, measured.symbols
    units = read(network.model, symbols[: arguments.length], network.vocabulary).units(arguments.layer - 1, name)
    if arguments.sort == "memory" and units.half_life is None:
        raise UsageError("--sort: got memory, expected another order: this cell has no gate that keeps its state")
    order = [unit for unit in units.order(arguments.sort).tolist() if arguments.unit in (None, unit)]
    if arguments.output is not None:
        write_atomically(arguments.output, gates.values_file(arguments.output, units))
    title = views(network.model.config.cell)[name].name
    if arguments.json:
        head = {"checkpoint": arguments.checkpoint, "data": source, "message": notice, "text": units.text}
        shown = {"layer": arguments.layer, "gate": name, "title": title, "sort": arguments.sort}
        print(
            json.dumps(
                {**head, **shown, "units": gates.as_dict(units, order, arguments.character, rows=arguments.units)}
            )
        )
        return 0
    which = f"{len(units):,} units by {arguments.sort}" if arguments.unit is None else f"unit {arguments.unit}"
    facts = {
        "network": arguments.checkpoint + ("" if network.run is None else f" (step {network.run.state.step:,})"),
        "text": f"{source}, {len(units.text):,} characters",
        "note": notice,
        "shown": f"{title} of layer {arguments.layer}, {which}",
        "values": f"in {arguments.output}" if arguments.output is not None else "",
    }
    for label, fact in facts.items():
        if fact:
            show(f"{label:<12}{fact}")
    show("")
    if arguments.unit is not None:
        for line in gates.detail(units, arguments.unit, arguments.character, width=columns()):
            show(line)
        return 0
    for line in gates.table(units, order, rows=arguments.units):
        show(line)
    show("")
    show("follows: its correlation on the half of the text that it was not chosen on; - where chance does as well")
    return 0


def _check(arguments: argparse.Namespace) -> None:
    """What can be refused before the network is loaded."""
    from lstm_ext.errors import ArgumentError

    from ...text.gates import values_path

    if arguments.text is not None and (arguments.data is not None or arguments.encoding is not None):
        raise UsageError("--text: it is the text itself; leave out --text, or --data and --encoding")
    if arguments.text == "":
        raise UsageError("--text: got nothing, expected at least one character")
    if len(arguments.character) > 1:
        raise UsageError(f"--character: got {arguments.character!r}, expected one character")
    if arguments.output is not None:
        try:
            values_path(arguments.output)
        except ArgumentError as error:
            raise UsageError(str(error).replace("path:", "--output:", 1)) from None


def _quantity(arguments: argparse.Namespace, config: ModelConfig) -> str:
    """The gate or state that was asked for, by its letter; layer and unit are checked, too."""
    from lstm_ext.explain.reading import views

    known = views(config.cell)
    names = {view.title: name for name, view in known.items()} | {name: name for name in known}
    if arguments.gate not in names:
        expected = ", ".join(f"{name} ({view.title})" for name, view in known.items())
        raise UsageError(f"--gate: got {arguments.gate!r}, expected one of {expected}")
    if arguments.layer > config.num_layers:
        raise UsageError(f"--layer: got {arguments.layer}, expected at most {config.num_layers}, the network's layers")
    if arguments.unit is not None and arguments.unit >= config.hidden_size:
        raise UsageError(f"--unit: got {arguments.unit}, expected 0 to {config.hidden_size - 1}")
    return names[arguments.gate]
