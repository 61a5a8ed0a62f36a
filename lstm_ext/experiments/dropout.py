"""Which kind of dropout keeps a network from learning a small text by heart?"""

from __future__ import annotations

import math

import numpy as np

from ..data import Lanes
from ..engine.config import OptimizerConfig
from ..engine.rng import dropout_key
from ..nn import Linear, Model, Optimizer, Reader, cross_entropy
from .charts import Curve, LineChart
from .experiment import Claim, Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, cosine

#: Name → standard dropout (a new mask at every step), variational dropout.
KINDS = {
    "none": (0.0, 0.0),
    "standard 0.2": (0.2, 0.0),
    "standard 0.5": (0.5, 0.0),
    "variational 0.2": (0.0, 0.2),
    "variational 0.5": (0.0, 0.5),
    "both 0.2": (0.2, 0.2),
}
BATCH, LENGTH = 16, 50


class TextNetwork(Model):
    """Recurrent layers and a softmax over the next symbol; its state continues from batch to batch."""

    def __init__(self, size: int, hidden_size: int, num_layers: int, dropout: float, variational: float) -> None:
        self.reader = Reader(size, hidden_size, num_layers=num_layers, dropout=dropout, recurrent_dropout=variational)
        self.output = Linear(hidden_size, size)
        self.state: np.ndarray | None = None

    def forward(self, inputs: np.ndarray, lengths: np.ndarray | None = None) -> np.ndarray:  # type: ignore[override]
        """Symbols (T, B) → logits (T, B, V), from the state that the last batch left."""
        top = self.reader.forward(inputs, lengths, self.state)
        self.state = self.reader.rnn.final_state
        return self.output.forward(top)

    def backward(self, dout: np.ndarray) -> None:
        """``dout`` (T, B, V) is ∂L/∂logits."""
        self.reader.backward(self.output.backward(dout))


class Dropout(TextExperiment):
    name = "dropout"
    question = "Which kind of dropout keeps a network from learning a small text by heart?"
    method = """
        Two LSTM layers of 128 units learn the first 30,000 characters of a text and are validated on the
        10,000 after them; 16 lanes of 50 characters per update with carried state, Adam at a learning rate
        that falls from 0.01 along a half cosine, gradients clipped to norm 5. Standard dropout (Zaremba et al.
        2014) draws a new mask at every step, for the inputs of the second layer and of the softmax. Variational
        dropout (Gal and Ghahramani 2016) draws one mask per sequence and layer and keeps it at all steps, here
        50 characters, for the second layer's input and for h on its way to the next step. Two losses are
        reported: the lowest validation loss, as early stopping would find it, and the last.
    """
    seeds = 3

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            name: {
                **self.text_settings(),
                "dropout": standard,
                "variational": variational,
                "hidden_size": 128,
                "updates": 480 if quick else 2400,
                "lr": 0.01,
                "learned": 10_000 if quick else 30_000,
                "validated": 5_000 if quick else 10_000,
            }
            for name, (standard, variational) in KINDS.items()
            if not (quick and name in ("standard 0.5", "both 0.2"))
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        symbols, size = self.text().symbols, len(self.text().vocabulary)
        learned = symbols[: settings["learned"]]
        validated = symbols[settings["learned"] : settings["learned"] + settings["validated"]]
        model = TextNetwork(size, settings["hidden_size"], 2, settings["dropout"], settings["variational"])
        model.build(seed=seed)
        updates = settings["updates"]
        optimizer = Optimizer(model, OptimizerConfig(), lr=cosine(settings["lr"], updates))
        lanes = Lanes(learned, BATCH, LENGTH)
        checkpoints, validation, training = [], [], []
        recent: list[float] = []
        for step in range(updates):
            if step % lanes.steps == 0:
                model.state = None
            inputs, targets = (array[0] for array in lanes.chunk(step % lanes.steps, 1))
            model.noise.restart(dropout_key(seed, step))
            model.train()
            recent.append(model.loss_and_gradient(inputs, None, targets))
            model.eval()
            optimizer.step()
            if (step + 1) % (updates // 12) == 0:
                checkpoints.append(step + 1)
                training.append(float(np.mean(recent)))
                validation.append(_evaluate(model, validated))
                recent = []
        return {
            "updates": checkpoints,
            "validation": validation,
            "training": training,
            "best": min(validation),
            "last": validation[-1],
            "last training": training[-1],
        }

    def report(self, results: Results) -> Report:
        names = list(results.variants)
        updates = results.cells[names[0], results.seeds[0]]["updates"]
        rows = [
            [name, *(results.spread(name, metric).text() for metric in ("best", "last", "last training"))]
            for name in names
        ]
        best = min(names, key=lambda name: results.median(name, "best"))
        return Report(
            tables=[
                Table(
                    f"nats per character, {updates[-1]:,} updates",
                    ["dropout", "lowest validation loss", "last validation loss", "last training loss"],
                    rows,
                )
            ],
            charts=[
                LineChart(
                    "validation loss, nats per character",
                    "updates",
                    [Curve(name, updates, *results.spreads(name, "validation")) for name in names],
                )
            ],
            findings=self._findings(results, best),
            claims=self._claims(results, best),
        )

    def _findings(self, results: Results, best: str) -> list[str]:
        none, least = results.spread("none", "best"), results.spread(best, "best")
        gap = {name: results.median(name, "last") - results.median(name, "last training") for name in ("none", best)}
        sentence = (
            f"The lowest validation loss, {least.median:.3f}, is that of dropout {best}, "
            f"{none.median - least.median:.3f} below that without dropout"
            f"{' in every run' if least.high < none.low else ', though the runs overlap'}."
            if best != "none"
            else f"No dropout helped: the lowest validation loss, {none.median:.3f}, is that without dropout."
        )
        return [
            sentence,
            f"At the end the validation loss is {gap['none']:.3f} nats above the training loss without dropout"
            + (f", {gap[best]:.3f} with {best} (whose training loss includes the noise)." if best != "none" else "."),
        ]

    def _claims(self, results: Results, best: str) -> list[Claim]:
        medians = {name: results.median(name, "best") for name in results.variants}
        standard = min(value for name, value in medians.items() if name.startswith("standard"))
        variational = min(value for name, value in medians.items() if name.startswith("variational"))
        helps = min(standard, variational) < medians["none"]
        return [
            Claim(
                "Day 14: LSTM and GRU Networks, section 8 and exercise 5",
                "Dropout between layers prevents overfitting; compare variational with standard dropout.",
                f"{'Held' if helps else 'Did not hold'}: none {medians['none']:.3f}, standard {standard:.3f}, "
                f"variational {variational:.3f} nats at best.",
            )
        ]


def _evaluate(model: TextNetwork, symbols: np.ndarray) -> float:
    """Mean nats per character, from a zero state, without dropout; the training state is restored."""
    kept, model.state = model.state, None
    lanes = Lanes(symbols, 4, 100)
    total = count = 0.0
    for step in range(lanes.steps):
        inputs, targets = (array[0] for array in lanes.chunk(step, 1))
        counted = np.count_nonzero(targets >= 0)
        total += cross_entropy(model.forward(inputs), targets)[0] * counted
        count += counted
    model.state = kept
    return total / count if math.isfinite(total) else math.nan


EXPERIMENT = Dropout
