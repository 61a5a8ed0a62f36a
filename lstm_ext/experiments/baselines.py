"""How long until a network predicts better than counting?"""

from __future__ import annotations

import numpy as np

from ..engine.config import ModelConfig
from ..nn.language_model import LanguageModel
from ..tasks.characters import text_baselines
from .charts import Curve, LineChart
from .experiment import Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, cosine, learn_text
from .words import number

#: Name → cell, layers, units; the last only without --quick.
NETWORKS = {
    "RNN 128": ("rnn", 1, 128),
    "GRU 128": ("gru", 1, 128),
    "LSTM 128": ("lstm", 1, 128),
    "LSTM 2 × 256": ("lstm", 2, 256),
}
BATCH, LENGTH = 16, 50
#: The numbers of updates after which networks are evaluated; the last one ends the run.
CHECKPOINTS = {
    "quick": [25, 50, 100, 200, 400, 600, 900, 1200],
    "full": [50, 100, 250, 500, 1000, 2000, 4000, 6000, 8000],
}
#: Characters of the validation text that networks and n-grams predict.
EVALUATED = 20_000


class Baselines(TextExperiment):
    name = "baselines"
    question = "How long until a network predicts better than counting?"
    method = """
        n-gram models (interpolated Witten-Bell smoothing) and networks learn the same first 90 % of one text
        and predict the same 20,000 characters of the rest. The n-grams count once; the networks are updated on
        16 lanes of 50 characters with carried state by Adam, at a learning rate that falls from 0.01 (2 × 256:
        0.005) along a half cosine, with gradients clipped to norm 5 and without dropout.
    """
    seeds = 3

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            name: {
                **self.text_settings(),
                "cell": cell,
                "num_layers": layers,
                "hidden_size": hidden,
                "lr": 0.005 if layers > 1 else 0.01,
                "checkpoints": CHECKPOINTS["quick" if quick else "full"],
            }
            for name, (cell, layers, hidden) in NETWORKS.items()
            if not (quick and layers > 1)
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        size, checkpoints = len(self.text().vocabulary), settings["checkpoints"]
        config = ModelConfig(
            size, settings["hidden_size"], size, cell=settings["cell"], num_layers=settings["num_layers"]
        )
        model = LanguageModel(config, seed=seed)
        rate = cosine(settings["lr"], checkpoints[-1])
        losses = learn_text(
            model, self.split(), checkpoints, lr=rate, batch_size=BATCH, seq_length=LENGTH, evaluated=EVALUATED
        )
        return {"parameters": config.num_parameters, "losses": losses, "loss": losses[-1]}

    def report(self, results: Results) -> Report:
        counted = self._counted()
        names = list(results.variants)
        checkpoints = np.array(results.variants[names[0]]["checkpoints"])
        passed = {name: self._passed(results, name, checkpoints, counted) for name in names}
        rows = [[name, "", f"{nats:.3f}", ""] for name, nats in counted.items()]
        rows += [
            [
                name,
                f"{results.median(name, 'parameters'):,.0f}",
                results.spread(name, "loss").text(),
                ", ".join(
                    f"{gram} {number(steps * BATCH * LENGTH / 1e3, ',.0f')}" for gram, steps in passed[name].items()
                ),
            ]
            for name in names
        ]
        curves = [Curve(name, checkpoints * BATCH * LENGTH / 1e3, *results.spreads(name, "losses")) for name in names]
        return Report(
            tables=[
                Table(
                    f"after {checkpoints[-1] * BATCH * LENGTH:,} characters, counted once for n-grams",
                    ["model", "parameters", "validation loss, nats", "better than … after thousands of characters"],
                    rows,
                )
            ],
            charts=[
                LineChart(
                    "validation loss, nats per character", "thousands of characters learned from", curves, counted
                )
            ],
            findings=self._findings(results, counted, passed),
        )

    def _counted(self) -> dict[str, float]:
        split = self.split()
        assert split.validation is not None
        counted = text_baselines(split.train, split.validation[:EVALUATED], len(self.text().vocabulary))
        return {name: nats for name, nats in counted.items() if name != "even guess"}

    def _passed(
        self, results: Results, name: str, checkpoints: np.ndarray, counted: dict[str, float]
    ) -> dict[str, float]:
        """The updates after which the median was first below each n-gram model's loss; ∞ if it never was."""
        medians = results.spreads(name, "losses")[0]
        return {
            gram: float(checkpoints[np.argmax(medians < nats)]) if (medians < nats).any() else np.inf
            for gram, nats in counted.items()
        }

    def _findings(self, results: Results, counted: dict[str, float], passed: dict[str, dict[str, float]]) -> list[str]:
        sentences = []
        for name, own in passed.items():
            beaten = [gram for gram, steps in own.items() if np.isfinite(steps)]
            best = beaten[-1] if beaten else "none of the n-grams"
            sentences.append(
                f"{name} ends at {results.median(name, 'loss'):.3f} nats and beats {best}"
                + (f" ({counted[best]:.3f}) after {own[best] * BATCH * LENGTH:,.0f} characters." if beaten else ".")
            )
        return sentences


EXPERIMENT = Baselines
