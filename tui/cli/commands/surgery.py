"""Hold a gate or a unit of a trained network at a value, or scale one of its matrices, and see what it loses."""

from __future__ import annotations

import argparse
import json
import math
import sys
from typing import TYPE_CHECKING, Any

from ...errors import UsageError
from ..candidates import TEXTS, completes
from ..options import BACKENDS, add_checkpoint, add_encoding, add_json, number, whole
from ..output import columns, note, show

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

    from lstm_ext.explain.surgery import Condition, Edit

    from ...text.surgery import Worth
    from ..checkpoints import Network

#: Characters that each unit is measured on.
RANKED_ON = 16_384
ROWS = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "the network, which `lstm-lab train` saved, or lstm_ext.nn.save with its vocabulary")
    what = "hold a gate at a value: f=1, of one unit f[3]=0.5, of layer 2 2:f=1; may be given again, as those below"
    parser.add_argument("--clamp", dest="edits", action="append", type=_edit("gate"), metavar="GATE=X", help=what)
    parser.add_argument(
        "--zero", dest="edits", action="append", type=_edit("zero"), metavar="K", help="hold unit K at 0; 2:K"
    )
    parser.add_argument(
        "--pin", dest="edits", action="append", type=_edit("pin"), metavar="K=X", help="hold unit K at X; 2:K=X"
    )
    what = "scale a matrix: W_hh, W_xh, of one gate W_fh and W_fx, or W_y; in layer 2 2:W_hh*0.9"
    parser.add_argument("--scale", dest="edits", action="append", type=_edit("scale"), metavar="W*X", help=what)
    what = "which units matter most: the loss with each of them at 0, after the operations"
    parser.add_argument("--rank", action="store_true", help=what)
    parser.add_argument("--layer", type=whole(1), metavar="K", default=1, help="with --rank (default: 1, the lowest)")
    parser.add_argument("--units", type=whole(1), metavar="N", default=ROWS, help=f"with --rank (default: {ROWS})")
    what = "measure on this text instead (default: the part of the training text that was kept apart)"
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=what), TEXTS)
    add_encoding(parser)
    what = f"measure on its first N characters (default: all; with --rank {RANKED_ON:,})"
    parser.add_argument("--length", type=whole(2), metavar="N", help=what)
    parser.add_argument("--prime", metavar="TEXT", help="what the samples continue (default: a new line)")
    parser.add_argument("--sample", type=whole(0, 10**6), metavar="N", default=200, help="their length (default: 200)")
    parser.add_argument("--temperature", type=number(0), metavar="X", default=0.8, help="of the samples (default: 0.8)")
    parser.add_argument("--seed", type=whole(0, 2**63 - 1), metavar="S", default=0, help="of both samples (default: 0)")
    parser.add_argument("--output", metavar="F.safetensors", help="save the changed network")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def _edit(kind: str) -> Callable[[str], Edit]:
    """A parser of one option's operation."""
    forms = {"gate": "f=1, f[3]=0.5 or 2:f=1", "zero": "3 or 2:3", "pin": "3=0.5 or 2:3=0.5", "scale": "W_hh*0.9"}

    def read(text: str) -> Edit:
        from lstm_ext.errors import ArgumentError
        from lstm_ext.explain.surgery import parse

        written = text
        if kind in ("zero", "pin"):
            layer, colon, rest = text.rpartition(":")
            unit, equals, value = rest.partition("=")
            written = f"{layer}{colon}h[{unit}]={value if kind == 'pin' else 0}"
            if bool(equals) != (kind == "pin"):
                written = ""
        try:
            edit = parse(written)
        except ArgumentError:
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a form like {forms[kind]}") from None
        if edit.scales != (kind == "scale") or (edit.target == "h") != (kind in ("zero", "pin")):
            raise argparse.ArgumentTypeError(f"got {text!r}, expected a form like {forms[kind]}")
        return edit

    return read


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.errors import ArgumentError
    from lstm_ext.explain.surgery import check, operate
    from lstm_ext.tensors import checkpoint_path

    from ...text import surgery as words
    from ..checkpoints import load_network, measured_text

    edits = list(arguments.edits or [])
    if not edits and not arguments.rank:
        raise UsageError("nothing to do; expected --clamp, --zero, --pin, --scale or --rank")
    if arguments.prime == "":
        raise UsageError("--prime: is empty; expected at least one character")
    try:
        output = None if arguments.output is None else checkpoint_path(arguments.output)
    except ArgumentError as error:
        raise UsageError(f"--output: {str(error).removeprefix('path: ')}") from None
    network = load_network(arguments.checkpoint, backend=arguments.backend)
    config = network.model.config
    try:
        for edit in edits:
            check(config, edit)
    except ArgumentError as error:
        raise UsageError(str(error)) from None
    if arguments.layer > config.num_layers:
        raise UsageError(f"--layer: got {arguments.layer}, expected at most {config.num_layers}, the network's layers")
    measured = measured_text(network, arguments.data, arguments.encoding)
    symbols = measured.symbols[: arguments.length or (RANKED_ON if arguments.rank else None)]
    if len(symbols) < 2:
        raise UsageError(f"--data: got {len(symbols)} characters, expected at least 2")
    found = _conditions(arguments, network, edits, symbols)
    patient = operate(network.model, edits)
    worth = _rank(arguments, patient, symbols, found[-1]) if arguments.rank else None
    if output is not None:
        from lstm_ext.nn.saving import save

        save(output, patient, vocabulary=network.vocabulary)
    if arguments.json:
        print(json.dumps(_as_dict(arguments, edits, found, worth, measured.name, measured.notice)))
        return 0
    facts = {
        "network": arguments.checkpoint + ("" if network.run is None else f" (step {network.run.state.step:,})"),
        "text": f"{measured.name}, {found[0].evaluation.count:,} characters predicted",
        "note": measured.notice,
        "saved": output or "",
    }
    for label, fact in facts.items():
        if fact:
            show(f"{label:<12}{fact}")
    show("")
    for line in words.steps(edits, found, config):
        show(line)
    if edits and arguments.sample:
        show("")
        for line in words.samples(found[0].written, found[-1].written, arguments.prime or ""):
            show(line)
    if worth is not None:
        show("")
        show(f"units of layer {arguments.layer}: the loss with each of them held at 0")
        for line in words.ranking(worth, found[-1].evaluation.nats, rows=arguments.units, width=columns()):
            show(line)
    if output is not None:
        note(f"wrote {output}")
    return 0


def _conditions(
    arguments: argparse.Namespace, network: Network, edits: list[Edit], symbols: np.ndarray
) -> list[Condition]:
    """Before, and after each operation."""
    from lstm_ext.errors import DataError
    from lstm_ext.explain.surgery import Sampling, condition, operate

    vocabulary = network.vocabulary
    prime = arguments.prime or ("\n" if "\n" in vocabulary.symbols else vocabulary.symbols[0])
    try:
        vocabulary.encode(prime)
    except DataError as error:
        raise DataError(f"--prime: {error}") from error
    sampling = Sampling(prime, arguments.sample, arguments.temperature, arguments.seed)
    return [
        condition(operate(network.model, edits[:done]), symbols, vocabulary, sampling) for done in range(len(edits) + 1)
    ]


def _rank(arguments: argparse.Namespace, patient: Any, symbols: np.ndarray, whole_network: Condition) -> Worth:
    """The units of a layer, with progress."""
    from lstm_ext.explain.surgery import importance

    from ...text.surgery import Worth
    from ..progress import Progress

    units, rises = patient.config.hidden_size, list[float]()
    with Progress(sys.stderr) as progress:
        for loss in importance(patient, symbols, arguments.layer - 1):
            rises.append(loss - whole_network.evaluation.nats)
            progress.show(len(rises) / units, [f"{len(rises):,} of {units:,} units"])
    return Worth(arguments.layer - 1, rises, units)


def _as_dict(
    arguments: argparse.Namespace,
    edits: list[Edit],
    found: list[Condition],
    worth: Worth | None,
    data: str,
    notice: str,
) -> dict[str, object]:
    def finite(value: float) -> float | None:
        return value if math.isfinite(value) else None

    def state(one: Condition) -> dict[str, object]:
        loss = one.evaluation
        return {"loss": finite(loss.nats), "bits_per_char": finite(loss.bits_per_char), "sample": one.written}

    result: dict[str, object] = {
        "checkpoint": arguments.checkpoint,
        "data": data,
        "message": notice,
        "characters": found[0].evaluation.count,
        "before": state(found[0]),
        "operations": [{"operation": str(edit), **state(one)} for edit, one in zip(edits, found[1:], strict=True)],
    }
    if worth is not None:
        rises = [finite(rise) for rise in worth.rises]
        result["units"] = [{"unit": unit, "change": rises[unit]} for unit in worth.order]
    return result
