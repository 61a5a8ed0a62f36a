"""Measure how well a trained network predicts a text, compared with n-gram counting."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

from lstm_ext.data.ngram import ngram_losses
from lstm_ext.train.checkpoint import Checkpoint
from lstm_ext.train.evaluation import evaluate

from ..candidates import TEXTS, completes
from ..checkpoints import load_network, measured_text
from ..options import add_checkpoint, add_encoding, add_engine, add_json
from ..output import show


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "a network that `lstm-lab train` saved, or lstm_ext.nn.save with its vocabulary")
    what = "the whole of this text (default: the part of the training text that was kept apart)"
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=what), TEXTS)
    add_encoding(parser)
    add_engine(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    network = load_network(arguments.checkpoint, backend=arguments.backend, threads=arguments.threads)
    model, training = network.model, network.run
    measured = measured_text(network, arguments.data, arguments.encoding)
    evaluation = evaluate(model, measured.symbols)
    perplexity = evaluation.perplexity
    result: dict[str, Any] = {
        "data": measured.name,
        "message": measured.notice,
        "characters": evaluation.count,
        "loss": evaluation.nats if math.isfinite(evaluation.nats) else None,
        "bits_per_char": evaluation.bits_per_char if math.isfinite(evaluation.nats) else None,
        "perplexity": perplexity if math.isfinite(evaluation.nats) else None,
        "ngram_losses": ngram_losses(measured.learned, measured.symbols, len(network.vocabulary)),
        "steps": None if training is None else training.state.step,
        "checkpoint": arguments.checkpoint,
        "backend": model.backend,
    }
    if arguments.json:
        print(json.dumps(result))
        return 0
    shown = f"{perplexity:.3f}" if perplexity < 1e6 else f"{perplexity:.2e}"
    rows = [
        ("network", arguments.checkpoint + _trained(training)),
        ("text", f"{measured.name}, {evaluation.count:,} characters predicted"),
        ("loss", f"{evaluation.nats:.4f} nats per character"),
        (
            "that is",
            f"{evaluation.bits_per_char:.4f} bits per character, perplexity {shown}",
        ),
    ]
    if measured.notice:
        rows.insert(2, ("note", measured.notice))
    if result["ngram_losses"]:
        counting = ", ".join(f"{name} {nats:.4f}" for name, nats in result["ngram_losses"].items())
        rows.append(("n-grams", f"{counting}, counted on what the network learned"))
    for label, value in rows:
        show(f"{label:<12}{value}")
    return 0


def _trained(training: Checkpoint | None) -> str:
    if training is None:
        return ""
    state = training.state
    of_step = f", the best of them that of step {state.history.best_step:,}" if state.kept == "best" else ""
    return f" after {state.step:,} steps on {training.text.name}{of_step}"
