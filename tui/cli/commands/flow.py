"""Show how far back a loss reaches: gradients along a text, in a network and in untrained LSTMs, GRUs and RNNs of its
size."""

from __future__ import annotations

import argparse
import json
import sys
from textwrap import wrap
from typing import TYPE_CHECKING

from ...errors import UsageError
from ..candidates import TEXTS, completes
from ..options import BACKENDS, add_checkpoint, add_encoding, add_json, number, whole
from ..output import columns, show

if TYPE_CHECKING:
    import numpy as np

    from lstm_ext.data import Vocabulary
    from lstm_ext.engine.config import ModelConfig
    from lstm_ext.explain.flow import Start
    from lstm_ext.nn.language_model import LanguageModel

    from ...text.flow import Net

LENGTH = 80
SEEDS = 8
HIDDEN_SIZE = 128


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "a network to measure, too; without it only untrained ones are")
    parser.add_argument("--text", metavar="TEXT", help="what the networks read")
    what = "a text that they read instead (default: what the training kept apart; without a checkpoint, hamlet)"
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=what), TEXTS)
    add_encoding(parser)
    parser.add_argument(
        "--length", type=whole(2, 1000), metavar="N", default=LENGTH, help=f"characters predicted (default: {LENGTH})"
    )
    parser.add_argument("--state", choices=("h", "c"), default="h", help="gradient of h or, of LSTMs, C (default: h)")
    parser.add_argument("--layer", type=whole(1), metavar="K", default=1, help="(default: 1, the lowest)")
    what = "the character whose loss it is, counted from 0; mean: the mean loss of all (default: the last one)"
    parser.add_argument("--character", type=_character, metavar="K|mean", default=-1, help=what)
    parser.add_argument(
        "--seeds", type=whole(1, 1000), metavar="N", default=SEEDS, help=f"untrained networks of each cell ({SEEDS})"
    )
    parser.add_argument("--init", default="uniform", help="their weights: uniform, xavier, orthogonal (uniform)")
    parser.add_argument(
        "--forget-bias", type=number(-100, 100), metavar="X", default=1.0, help="of the untrained LSTMs (default: 1)"
    )
    parser.add_argument(
        "--recurrent-scale", type=number(0), metavar="X", default=1.0, help="times their recurrent weights (default: 1)"
    )
    what = f"of the untrained networks, without a checkpoint (default: {HIDDEN_SIZE})"
    parser.add_argument("--hidden-size", type=whole(1), metavar="H", help=what)
    parser.add_argument("--num-layers", type=whole(1, 64), metavar="L", help="(default: 1)")
    parser.add_argument("--output", metavar="F", help="write F.csv or F.json, or a picture F.svg, F.png or F.pdf")
    parser.add_argument("--backend", choices=BACKENDS, help="engine (default: the C core where it was built)")
    add_json(parser)


def _character(text: str) -> int | None:
    """None: the mean; −1: the last one."""
    return None if text == "mean" else whole(1)(text)


def run(arguments: argparse.Namespace) -> int:
    from lstm_ext.explain.flow import Start

    from ...text import flow as words

    _check(arguments)
    start = Start(arguments.init, arguments.forget_bias, arguments.recurrent_scale)
    subject = _Subject(arguments)
    if len(subject.symbols) < 2:
        raise UsageError("--text: got one character, expected at least 2, so that there is one to predict")
    character = _chosen(arguments.character, len(subject.symbols) - 1)
    if arguments.layer > subject.config.num_layers:
        raise UsageError(f"--layer: got {arguments.layer}, expected at most {subject.config.num_layers}")
    nets = _measure(arguments, subject, start)
    text, layer = subject.vocabulary.decode(subject.symbols), arguments.layer - 1
    if arguments.output is not None:
        _write(arguments, text, nets, character)
    if arguments.json:
        head = {"checkpoint": arguments.checkpoint, "data": subject.source, "message": subject.notice, "text": text}
        which = {"layer": arguments.layer, "character": character, "hidden_size": subject.config.hidden_size}
        how = {"init": start.init, "forget_bias": start.forget_bias, "recurrent_scale": start.recurrent_scale}
        print(json.dumps({**head, **which, **how, "networks": words.as_dict(nets, layer, character)}))
        return 0
    size, whose = subject.config.hidden_size, "the mean of all losses"
    if character is not None:
        whose = f"that of {text[character]!r}, character {character}"
    facts = {
        "network": arguments.checkpoint or "",
        "untrained": f"{arguments.seeds} each, {size} units, {words.fresh_start(start)}",
        "text": f"{subject.source}, {len(text) - 1:,} characters predicted",
        "note": subject.notice,
        "loss": f"{whose}; in the table, those of the last quarter",
        "written": arguments.output or "",
    }
    for label, fact in facts.items():
        if fact:
            show(f"{label:<12}{fact}")
    show("")
    for line in words.digits(nets, text, arguments.state, layer, character, columns()):
        show(line)
    show("")
    for line in words.chart(nets, arguments.state, layer, min(80, columns())):
        show(line)
    show("")
    for line in words.table(nets, arguments.state, layer):
        show(line)
    show("share left, decades per character on average, and in how many characters it halves")
    show("")
    for net in nets:
        for line in wrap(words.sentence(net, arguments.state, layer), columns(), subsequent_indent="  "):
            show(line)
    return 0


class _Subject:
    """What is measured: the network, if there is one, the size of the untrained ones, and the text."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        from lstm_ext.data import load_text
        from lstm_ext.engine.config import ModelConfig

        from ..checkpoints import load_network, measured_text

        self.model: LanguageModel | None = None
        self.config: ModelConfig
        self.vocabulary: Vocabulary
        self.symbols: np.ndarray
        self.source, self.notice = "given", ""
        room = arguments.length + 1
        if arguments.checkpoint is not None:
            network = load_network(arguments.checkpoint, backend=arguments.backend)
            self.model, self.config, self.vocabulary = network.model, network.model.config, network.vocabulary
            if arguments.text is not None:
                self.symbols = self.vocabulary.encode(arguments.text)[:room]
                return
            measured = measured_text(network, arguments.data, arguments.encoding)
            self.source, self.notice, self.symbols = measured.name, measured.notice, measured.symbols[:room]
            return
        text = load_text(arguments.data or "hamlet", arguments.encoding or "utf-8")
        self.vocabulary, self.symbols = text.vocabulary, text.symbols[:room]
        self.source = text.name
        if arguments.text is not None:
            from lstm_ext.data import Vocabulary

            self.vocabulary = Vocabulary("".join(sorted(set(arguments.text))))
            self.symbols, self.source = self.vocabulary.encode(arguments.text)[:room], "given"
        size = len(self.vocabulary)
        hidden_size, layers = arguments.hidden_size or HIDDEN_SIZE, arguments.num_layers or 1
        self.config = ModelConfig(size, hidden_size, size, num_layers=layers)


def _check(arguments: argparse.Namespace) -> None:
    """What can be refused before the network is loaded."""
    from lstm_ext.errors import ArgumentError
    from lstm_ext.nn.initialization import check_init
    from lstm_ext.visualization.figures import SUFFIXES, check_picture

    from ...text.flow import SUFFIXES as VALUES

    if arguments.text is not None and (arguments.data is not None or arguments.encoding is not None):
        raise UsageError("--text: it is the text itself; leave out --text, or --data and --encoding")
    if arguments.text == "":
        raise UsageError("--text: got nothing, expected at least two characters")
    if arguments.checkpoint is not None and (arguments.hidden_size or arguments.num_layers):
        raise UsageError(
            "--hidden-size, --num-layers: leave them out, untrained networks are as large as the one given"
        )
    try:
        for cell in ("lstm", "gru") if arguments.init.startswith("chrono") else ("lstm", "gru", "rnn"):
            check_init(arguments.init, cell)
    except ArgumentError as error:
        raise UsageError(f"--{error}") from None
    if arguments.output is not None:
        if arguments.output.lower().endswith(SUFFIXES):
            check_picture(arguments.output)
        elif not arguments.output.lower().endswith(VALUES):
            expected = ", ".join((*VALUES, *SUFFIXES))
            raise UsageError(f"--output: got {arguments.output}, expected a name that ends in {expected}")


def _chosen(character: int | None, last: int) -> int | None:
    if character is None or character == -1:
        return None if character is None else last
    if character > last:
        raise UsageError(f"--character: got {character}, expected at most {last}, the last one predicted, or mean")
    return character


def _measure(arguments: argparse.Namespace, subject: _Subject, start: Start) -> list[Net]:
    """All networks, with progress."""
    from lstm_ext.explain.flow import flow, fresh_flows

    from ...text.flow import CELL_NAMES, Net, fresh_net
    from ..progress import Progress

    cells = [cell for cell in CELL_NAMES if cell != "rnn" or not arguments.init.startswith("chrono")]
    symbols, vocabulary, nets, done = subject.symbols, subject.vocabulary, [], 0
    with Progress(sys.stderr) as progress:
        if subject.model is not None:
            nets.append(Net("network", arguments.checkpoint, [flow(subject.model, symbols, vocabulary)]))
        for cell in cells:
            flows = []
            options = {"seeds": arguments.seeds, "backend": arguments.backend}
            for one in fresh_flows(subject.config, cell, start, symbols, vocabulary, **options):
                flows.append(one)
                done += 1
                of = len(cells) * arguments.seeds
                progress.show(done / of, [f"{done} of {of} untrained networks"])
            nets.append(fresh_net(cell, flows))
    return nets


def _write(arguments: argparse.Namespace, text: str, nets: list[Net], character: int | None) -> None:
    """The figures, or a picture of what is left by steps back."""
    from lstm_ext.experiments.charts import Curve, LineChart, save_charts
    from lstm_ext.files import write_atomically

    from ...text import flow as words

    path, layer = arguments.output, arguments.layer - 1
    if path.lower().endswith(words.SUFFIXES):
        write_atomically(path, words.values_file(path, text, nets, layer, character))
        return
    curves = [
        Curve(f"{net.name} {words.symbol(net, arguments.state)}", range(d.lags + 1), d.median, d.low, d.high)
        for net in nets
        if (d := net.decay(arguments.state, layer)) is not None
    ]
    title = "share of the gradient that is left: median and quartiles"
    save_charts([LineChart(title, "characters back from the loss", curves, log_y=True)], path)
