"""Measure how well a trained network predicts a text, beside what mere counting predicts."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any

import numpy as np

from lstm_ext.data import load_text, split
from lstm_ext.data.ngram import ngram_losses
from lstm_ext.train.checkpoint import Checkpoint, load_checkpoint
from lstm_ext.train.evaluation import evaluate

from ..checkpoints import readable
from ..options import add_encoding, add_engine, add_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--checkpoint", metavar="F.safetensors", help="a network that `lstm-lab train` has kept")
    parser.add_argument(
        "--data", metavar="FILE|NAME", help="the text, all of it (default: what training kept apart of its own text)"
    )
    add_encoding(parser)
    add_engine(parser)
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    checkpoint = load_checkpoint(readable(arguments.checkpoint))
    name, symbols, learned = _measured(checkpoint, arguments.data, arguments.encoding)
    model = checkpoint.model(backend=arguments.backend, threads=arguments.threads or 1)
    evaluation = evaluate(model, symbols)
    result: dict[str, Any] = {
        "data": name,
        "characters": evaluation.count,
        "loss": evaluation.nats if math.isfinite(evaluation.nats) else None,
        "bits_per_char": evaluation.bits_per_char if math.isfinite(evaluation.nats) else None,
        "perplexity": evaluation.perplexity if math.isfinite(evaluation.nats) else None,
        "ngram_losses": ngram_losses(learned, symbols, len(checkpoint.vocabulary)),
        "steps": checkpoint.step,
        "checkpoint": arguments.checkpoint,
        "backend": model.backend,
    }
    if arguments.json:
        print(json.dumps(result))
        return 0
    of_step = f", the best of them that of step {checkpoint.history.best_step:,}" if checkpoint.kept == "best" else ""
    rows = [
        ("network", f"{arguments.checkpoint} after {checkpoint.step:,} steps on {checkpoint.text_name}{of_step}"),
        ("text", f"{name}, {evaluation.count:,} characters predicted"),
        ("loss", f"{evaluation.nats:.4f} nats per character"),
        ("that is", f"{evaluation.bits_per_char:.4f} bits per character, perplexity {evaluation.perplexity:.3f}"),
    ]
    if result["ngram_losses"]:
        counting = ", ".join(f"{name} {nats:.4f}" for name, nats in result["ngram_losses"].items())
        rows.append(("n-grams", f"{counting}, counted on what the network learned"))
    for label, value in rows:
        print(f"{label:<12}{value}")
    return 0


def _measured(checkpoint: Checkpoint, data: str | None, encoding: str | None) -> tuple[str, np.ndarray, np.ndarray]:
    """What to call the text, its symbols, and the symbols that the n-grams may count: never the measured ones."""
    vocabulary = checkpoint.vocabulary
    if data is not None:
        text = load_text(data, encoding or "utf-8", vocabulary)
        return data, text.symbols, text.symbols[:0]
    own = load_text(checkpoint.text_name, encoding or checkpoint.encoding, vocabulary)
    parts = split(own, checkpoint.trainer_config.validation)
    if parts.validation is None:
        return f"{own.name} (all of it, learned from: none was kept apart)", parts.train, parts.train[:0]
    return f"{own.name}, the part kept apart", parts.validation, parts.train
