"""Do deeper networks learn better?"""

from __future__ import annotations

from ..engine.config import ModelConfig
from ..nn.language_model import LanguageModel
from .charts import Curve, LineChart
from .experiment import Claim, Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, cosine, learn_text


class Depth(TextExperiment):
    name = "depth"
    question = "Do deeper networks learn better?"
    method = """
        LSTMs of one to four layers as models of one text: first all equally wide (128 units; with --quick up to
        three layers of 64 units), so that more layers have more parameters, then with about as many parameters
        as the single layer. 16 lanes of 50 characters per update, Adam at a learning rate that falls from 0.01
        along a half cosine, gradients clipped to norm 5, equally many updates for all. The loss is the
        validation loss on the last 10 % of the text.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        wide = 64 if quick else 128
        found: dict[str, Settings] = {}
        for layers in (1, 2, 3) if quick else (1, 2, 3, 4):
            for kind, hidden in (("as wide", wide), ("as large", self._as_large(layers, wide))):
                if layers > 1 or kind == "as wide":
                    found[f"{layers} × {hidden}, {kind}"] = {
                        **self.text_settings(),
                        "num_layers": layers,
                        "hidden_size": hidden,
                        "kind": kind,
                        "updates": 1000 if quick else 5000,
                        "lr": 0.01,
                    }
        return found

    def _as_large(self, layers: int, wide: int) -> int:
        """The units per layer that give about as many parameters as one layer of ``wide`` units."""
        size = len(self.text().vocabulary)
        budget = ModelConfig(size, wide, size).num_parameters

        def excess(hidden: int) -> int:
            return abs(ModelConfig(size, hidden, size, num_layers=layers).num_parameters - budget)

        return min(range(8, wide + 1), key=excess)

    def measure(self, settings: Settings, seed: int) -> Numbers:
        size = len(self.text().vocabulary)
        config = ModelConfig(size, settings["hidden_size"], size, num_layers=settings["num_layers"])
        model = LanguageModel(config, seed=seed)
        updates = settings["updates"]
        checkpoints = [updates * n // 8 for n in range(1, 9)]
        losses = learn_text(model, self.split(), checkpoints, lr=cosine(settings["lr"], updates))
        return {"parameters": config.num_parameters, "updates": checkpoints, "losses": losses, "loss": losses[-1]}

    def report(self, results: Results) -> Report:
        names = list(results.variants)
        rows = [
            [name, f"{results.median(name, 'parameters'):,.0f}", results.spread(name, "loss").text()] for name in names
        ]
        updates = results.cells[names[0], results.seeds[0]]["updates"]
        curves = [Curve(name, updates, *results.spreads(name, "losses")) for name in names]
        return Report(
            tables=[
                Table(f"after {updates[-1]:,} updates", ["layers × units", "parameters", "validation loss, nats"], rows)
            ],
            charts=[LineChart("validation loss, nats per character", "updates", curves)],
            findings=self._findings(results),
            claims=self._claims(results),
        )

    def _findings(self, results: Results) -> list[str]:
        one = next(iter(results.variants))
        flat = results.spread(one, "loss")
        sentences = []
        for kind, words in (("as wide", "as wide as the one"), ("as large", "with as many parameters in all")):
            deep = [name for name in results.labels(kind=kind) if name != one]
            best = min(deep, key=lambda name: results.median(name, "loss"))
            spread = results.spread(best, "loss")
            apart = spread.high < flat.low or flat.high < spread.low
            sentences.append(
                f"More layers {words}: the best, {best.split(',')[0]}, is at {spread.median:.3f} nats, "
                f"{abs(spread.median - flat.median):.3f} {'below' if spread.median < flat.median else 'above'} "
                f"one layer ({'in every run' if apart else 'the runs overlap'})."
            )
        return sentences

    def _claims(self, results: Results) -> list[Claim]:
        one = next(iter(results.variants))
        flat = results.median(one, "loss")
        gains = {
            kind: flat - min(results.median(name, "loss") for name in results.labels(kind=kind) if name != one)
            for kind in ("as wide", "as large")
        }
        held = (
            "Held"
            if min(gains.values()) > 0
            else "Held with more parameters"
            if gains["as wide"] > 0
            else "Did not hold"
        )
        return [
            Claim(
                "Exercises: Understanding LSTM Networks, challenge 4; Day 14: LSTM and GRU Networks, section 8",
                "Stacking layers lets networks learn better, by features of a hierarchy.",
                f"{held} after equally many updates: gained {gains['as wide']:+.3f} nats with more parameters, "
                f"{gains['as large']:+.3f} with as many.",
            )
        ]


EXPERIMENT = Depth
