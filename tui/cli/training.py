"""What training tells: what it begins with, how it goes, and what came out, as text and as JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, TextIO

from lstm_ext.cells import CELLS
from lstm_ext.data.ngram import ngram_losses
from lstm_ext.train.config import TrainerConfig
from lstm_ext.train.diagnosis import diagnose
from lstm_ext.train.snapshot import Snapshot
from lstm_ext.train.trainer import Trainer

from ..text.run_end import seconds_left, share_done
from ..text.units import clock, rate
from .output import note
from .progress import Progress


def introduction(trainer: Trainer) -> list[str]:
    """The text and its parts, the network, and how it is trained: a line each."""
    return [
        f"{trainer.text.name}: an alphabet of {len(trainer.vocabulary)}; {trainer.split.description}",
        _network(trainer),
        _training(trainer),
    ]


def _network(trainer: Trainer) -> str:
    config, model = trainer.model.config, trainer.model
    layers = f"{config.num_layers} layers of " if config.num_layers > 1 else ""
    engine = "NumPy twin" if model.backend == "numpy" else f"C core, {model.threads} thread{'s' * (model.threads > 1)}"
    return (
        f"{CELLS[config.cell].title} with {layers}{config.hidden_size} units, {config.num_parameters:,} parameters, "
        f"{config.dtype}; {engine}"
    )


def _training(trainer: Trainer) -> str:
    config, dropout = trainer.config, trainer.model.config.dropout
    parts = [
        f"{config.batch_size} x {config.seq_length} characters per step",
        f"{config.optimizer.kind}, learning rate {trainer.lr:g}, {config.schedule}",
        f"dropout {dropout:g}" if dropout else "",
        f"weights averaged over the last {config.average:.0%} of all steps" if config.average else "",
    ]
    return "; ".join(filter(None, parts))


def as_json(trainer: Trainer, snapshot: Snapshot, *, baselines: bool) -> dict[str, Any]:
    """What --json prints. Losses are mean nats per character; what is not known is None.

    val_loss, bits_per_char and perplexity are those of the weights that are kept.
    """
    counted: dict[str, float] = {}
    if baselines and trainer.split.validation is not None:
        evaluated = trainer.split.validation[: trainer.config.eval_symbols]
        counted = ngram_losses(trainer.split.train, evaluated, len(trainer.vocabulary))
    config, symptom = trainer.model.config, diagnose(snapshot, trainer.config)
    bits = snapshot.bits_per_char if snapshot.best_val is None else snapshot.best_val / math.log(2.0)
    return {
        "status": snapshot.status,
        "message": snapshot.message,
        "steps": snapshot.step,
        "epochs": snapshot.epoch,
        "train_loss": _finite(snapshot.smoothed),
        "val_loss": _finite(snapshot.best_val),
        "val_step": None if snapshot.best_val is None else snapshot.best_step,
        "last_val_loss": _finite(snapshot.val_loss),
        "bits_per_char": _finite(bits),
        "perplexity": _finite(2.0**bits if bits < 1000 else math.inf),
        "ngram_losses": counted,
        "diagnosis": None if symptom is None else asdict(symptom),
        "chars_per_second": snapshot.chars_per_second,
        "seconds": snapshot.seconds,
        "parameters": config.num_parameters,
        "checkpoint": trainer.config.checkpoint,
        "data": trainer.text.name,
        "cell": config.cell,
        "hidden_size": config.hidden_size,
        "num_layers": config.num_layers,
        "backend": trainer.model.backend,
        "threads": trainer.model.threads,
    }


def _finite(value: float | None) -> float | None:
    """JSON knows neither NaN nor infinity."""
    return value if value is not None and math.isfinite(value) else None


def summary(trainer: Trainer, result: Mapping[str, Any]) -> list[str]:
    """What came out, ``as_json``'s result, as lines for people."""

    def loss(nats: float | None) -> str:
        return "–" if nats is None else f"{nats:.3f} nats per character"

    rows = [
        ("steps", f"{result['steps']:,} ({result['epochs']:.2f} epochs) in {clock(result['seconds'])}"),
        ("network", _network(trainer)),
        ("training loss", f"{loss(result['train_loss'])}, smoothed"),
        ("validation loss", loss(result["val_loss"])),
    ]
    if result["val_step"] is not None and result["val_loss"] != result["last_val_loss"]:
        rows.append(
            ("", f"of step {result['val_step']:,}, whose weights are kept; at the end {loss(result['last_val_loss'])}")
        )
    if result["perplexity"] is not None:
        figures = f"{result['bits_per_char']:.3f} bits per character, perplexity {result['perplexity']:.2f}"
        rows.append(("that is", figures))
    if result["ngram_losses"]:
        counting = ", ".join(f"{name} {nats:.3f}" for name, nats in result["ngram_losses"].items())
        rows.append(("n-grams", f"{counting}, counted on the same split"))
    if symptom := result["diagnosis"]:
        rows += [("diagnosis", f"{symptom['name']}: {symptom['message']}"), ("what to do", symptom["fix"])]
    rows += [
        ("speed", f"{rate(result['chars_per_second'])} characters per second"),
        ("checkpoint", result["checkpoint"]),
    ]
    lines = [f"{name:<17}{value}" for name, value in rows]
    return [*lines, f"now try          lstm-lab generate --checkpoint {result['checkpoint']}"]


class TrainingProgress(Progress):
    """Called with each snapshot of a run."""

    def __init__(self, stream: TextIO, config: TrainerConfig, told: str) -> None:
        """``told``: the message that the user knows already."""
        super().__init__(stream)
        self._config = config
        self._told = told
        self._symptoms: set[str] = set()
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None

    def __call__(self, snapshot: Snapshot) -> None:
        first, last = self._first or snapshot, self._last
        self._first, self._last = first, snapshot
        if snapshot.message not in ("", self._told):
            note(snapshot.message)
        self._told = snapshot.message
        if math.isnan(snapshot.smoothed):
            return  # before the first step there is nothing to show
        symptom = diagnose(snapshot, self._config)
        if symptom is not None and symptom.name not in self._symptoms:
            self._symptoms.add(symptom.name)  # each is told once
            note(str(symptom))
        now = last is None or math.isnan(last.smoothed) or last.val_loss != snapshot.val_loss
        self.show(share_done(snapshot), training_fields(snapshot, seconds_left(first, snapshot)), now=now)


def training_fields(snapshot: Snapshot, left: float | None) -> list[str]:
    """Where a run is, in the order of interest."""
    total = f"/{snapshot.total_steps:,}" if snapshot.total_steps else ""
    fields = [f"step {snapshot.step:,}{total}", f"loss {snapshot.smoothed:.3f}"]
    if snapshot.val_loss is not None:
        fields.append(f"val {snapshot.val_loss:.3f}")
    fields[-1] += f" ({snapshot.bits_per_char:.2f} bits/char)"
    fields += [f"{rate(snapshot.chars_per_second)} chars/s"]
    if left is not None:
        fields.append(f"{clock(left)} left")
    return [*fields, f"epoch {snapshot.epoch:.2f}"]
