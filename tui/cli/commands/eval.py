"""Measure how well a trained network predicts a text, compared with n-gram counting."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from lstm_ext.data import load_text, split
from lstm_ext.data.ngram import ngram_losses
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint
from lstm_ext.train.evaluation import evaluate

from ..candidates import TEXTS, completes
from ..checkpoints import readable
from ..options import add_checkpoint, add_encoding, add_engine, add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoint(parser, "a network that `lstm-lab train` saved")
    what = "the whole of this text (default: the part of the training text that was kept apart)"
    completes(parser.add_argument("--data", metavar="FILE|NAME", help=what), TEXTS)
    add_encoding(parser)
    add_engine(parser)
    add_json(parser)


@dataclass(frozen=True)
class Measured:
    """The text to predict."""

    #: What the output calls it.
    name: str
    symbols: np.ndarray
    #: What the n-grams may count: never the measured text.
    learned: np.ndarray
    #: Says that the text is not the one that was learned, if so.
    notice: str = ""


def run(arguments: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(readable(arguments.checkpoint))
    state = checkpoint.state
    measured = _measured(checkpoint, arguments.data, arguments.encoding)
    model = checkpoint.model(backend=arguments.backend, threads=arguments.threads or 1)
    evaluation = evaluate(model, measured.symbols)
    result: dict[str, Any] = {
        "data": measured.name,
        "message": measured.notice,
        "characters": evaluation.count,
        "loss": evaluation.nats if math.isfinite(evaluation.nats) else None,
        "bits_per_char": evaluation.bits_per_char if math.isfinite(evaluation.nats) else None,
        "perplexity": evaluation.perplexity if math.isfinite(evaluation.nats) else None,
        "ngram_losses": ngram_losses(measured.learned, measured.symbols, len(checkpoint.vocabulary)),
        "steps": state.step,
        "checkpoint": arguments.checkpoint,
        "backend": model.backend,
    }
    if arguments.json:
        print(json.dumps(result))
        return 0
    of_step = f", the best of them that of step {state.history.best_step:,}" if state.kept == "best" else ""
    rows = [
        ("network", f"{arguments.checkpoint} after {state.step:,} steps on {checkpoint.text.name}{of_step}"),
        ("text", f"{measured.name}, {evaluation.count:,} characters predicted"),
        ("loss", f"{evaluation.nats:.4f} nats per character"),
        ("that is", f"{evaluation.bits_per_char:.4f} bits per character, perplexity {evaluation.perplexity:.3f}"),
    ]
    if measured.notice:
        rows.insert(2, ("note", measured.notice))
    if result["ngram_losses"]:
        counting = ", ".join(f"{name} {nats:.4f}" for name, nats in result["ngram_losses"].items())
        rows.append(("n-grams", f"{counting}, counted on what the network learned"))
    for label, value in rows:
        print(f"{label:<12}{value}")
    return 0


def _measured(checkpoint: Checkpoint, data: str | None, encoding: str | None) -> Measured:
    vocabulary, learned = checkpoint.vocabulary, checkpoint.text
    if data is not None:
        text = load_text(data, encoding or "utf-8", vocabulary)
        return Measured(data, text.symbols, text.symbols[:0])
    own = load_text(learned.name, encoding or learned.encoding, vocabulary)
    parts = split(own, checkpoint.trainer_config.validation)
    if parts.validation is None:
        return Measured(
            f"{own.name} (all of it, which the network learned: none was kept apart)", parts.train, parts.train[:0]
        )
    if notice := learned.meets(own.identity, "measured on"):
        return Measured(f"{own.name}, its last part", parts.validation, parts.train[:0], notice)
    return Measured(f"{own.name}, the part kept apart", parts.validation, parts.train)
