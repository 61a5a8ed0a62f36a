"""What does a GRU save, and what does it cost?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..cells import CELLS, CellName
from ..engine.config import ModelConfig, OptimizerConfig
from ..engine.interface import Training
from ..nn.language_model import LanguageModel
from ..timing import time_in_turns
from .charts import Bar, BarChart, Curve, LineChart
from .experiment import Claim, Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, cosine, generator, learn_text

HIDDEN = 128
NETWORKS: dict[str, CellName] = {"LSTM": "lstm", "GRU": "gru", "GRU, as large": "gru", "RNN": "rnn"}
#: Sizes (H, B, T) at which steps are timed.
TIMED = ((64, 1, 25), (128, 16, 50), (256, 32, 50))
COMPARED = tuple(dict.fromkeys(NETWORKS.values()))
SAMPLE = 160


class LstmVsGru(TextExperiment):
    name = "lstm-vs-gru"
    question = "What does a GRU save, and what does it cost?"
    method = """
        LSTM (forget bias 1), GRU (the textbook's, reset before the product) and plain RNN as models of one
        text: 128 units, 16 lanes of 50 characters per update with carried state, Adam, gradients clipped to
        norm 5, equally many updates for all. The learning rate falls along a half cosine from 0.01; without
        --quick also from 0.005 and 0.02, and each network gets the one that suits it best, by the median over
        the seeds. At 128 units an LSTM has more parameters than a GRU, so there is also a GRU with about as
        many. The loss is the validation loss on the last 10 % of the text. The times are those of whole
        training steps, measured in turns in one thread on the machine that prints them; they vary from run to
        run.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        size = len(self.text().vocabulary)

        def parameters(cell: CellName, hidden: int) -> int:
            return ModelConfig(size, hidden, size, cell=cell).num_parameters

        budget = parameters("lstm", HIDDEN)
        equal = min(range(HIDDEN, 2 * HIDDEN), key=lambda hidden: abs(parameters("gru", hidden) - budget))
        found: dict[str, Settings] = {
            f"{name} at {lr:g}": {
                **self.text_settings(),
                "name": name,
                "cell": cell,
                "hidden_size": equal if name == "GRU, as large" else HIDDEN,
                "checkpoints": [100, 200, 400, 700, 1000] if quick else [250, 500, 1000, 2000, 3000, 4000],
                "lr": lr,
            }
            for name, cell in NETWORKS.items()
            for lr in ((0.01,) if quick else (0.005, 0.01, 0.02))
        }
        found["time"] = {"sizes": TIMED, "symbols": size, "seconds": 0.3 if quick else 2.0}
        return found

    def measure(self, settings: Settings, seed: int) -> Numbers:
        if "sizes" in settings:
            return _times(settings, seed)
        vocabulary, parts, checkpoints = self.text().vocabulary, self.split(), settings["checkpoints"]
        config = ModelConfig(len(vocabulary), settings["hidden_size"], len(vocabulary), cell=settings["cell"])
        model = LanguageModel(config, seed=seed)
        losses = learn_text(model, parts, checkpoints, lr=cosine(settings["lr"], checkpoints[-1]))
        written = model.sample(parts.train[:1], SAMPLE, temperature=0.8, seed=seed)
        return {
            "parameters": config.num_parameters,
            "losses": losses,
            "loss": losses[-1],
            "sample": vocabulary.decode(written),
        }

    def report(self, results: Results) -> Report:
        best = _best(results)
        settings = results.variants[best["LSTM"]]
        rows = []
        for name, label in best.items():
            own, parameters = results.variants[label], results.median(label, "parameters")
            share = parameters / results.median(best["LSTM"], "parameters")
            units, lr = str(own["hidden_size"]), f"{own['lr']:g}"
            rows.append([name, units, f"{parameters:,.0f}", f"{share:.0%}", lr, results.spread(label, "loss").text()])
        timed = []
        for index, (hidden, batch, steps) in enumerate(TIMED):
            texts = [results.spread("time", f"{cell} {index}").text(".2f") for cell in COMPARED]
            share_text = results.spread("time", f"gru/lstm {index}").text(".2f")
            timed.append([f"H {hidden}, B {batch}, T {steps}", *texts, share_text])
        curves = [
            Curve(name, settings["checkpoints"], *results.spreads(label, "losses")) for name, label in best.items()
        ]
        middle = 1
        bars = [Bar(CELLS[cell].title, *results.spread("time", f"{cell} {middle}")) for cell in COMPARED]
        return Report(
            tables=[
                Table(
                    f"after {settings['checkpoints'][-1]:,} updates",
                    ["network", "units", "parameters", "of the LSTM's", "learning rate", "validation loss, nats"],
                    rows,
                ),
                Table("milliseconds per training step", ["size", *map(str.upper, COMPARED), "GRU / LSTM"], timed),
            ],
            charts=[
                LineChart("validation loss, nats per character", "updates", curves),
                BarChart(f"milliseconds per training step, {timed[middle][0]}", bars),
            ],
            findings=self._findings(results, best),
            claims=self._claims(results, best),
            texts=[
                (f"{name} writes (temperature 0.8):", results.cells[label, results.seeds[0]]["sample"])
                for name, label in best.items()
            ],
        )

    def _findings(self, results: Results, best: dict[str, str]) -> list[str]:
        lstm, gru, equal = (results.spread(best[name], "loss") for name in ("LSTM", "GRU", "GRU, as large"))
        better = "GRU" if gru.median < lstm.median else "LSTM"
        apart = gru.high < lstm.low or lstm.high < gru.low
        ratios = [results.median("time", f"gru/lstm {index}") for index in range(len(TIMED))]
        saved = 1 - results.median(best["GRU"], "parameters") / results.median(best["LSTM"], "parameters")
        return [
            f"With the same number of units the {better} predicts better, by {abs(gru.median - lstm.median):.3f} nats "
            f"({'in every run' if apart else 'though the runs overlap'}); the GRU with as many parameters is "
            f"{abs(equal.median - lstm.median):.3f} nats {'better' if equal.median < lstm.median else 'worse'}.",
            f"The GRU has {saved:.0%} fewer parameters and takes {min(ratios):.2f} to {max(ratios):.2f} times as long "
            "per step.",
        ]

    def _claims(self, results: Results, best: dict[str, str]) -> list[Claim]:
        saving = [1 - results.median("time", f"gru/lstm {index}") for index in range(len(TIMED))]
        gap = results.median(best["GRU"], "loss") - results.median(best["LSTM"], "loss")
        rnn = [results.median("time", f"lstm {i}") / results.median("time", f"rnn {i}") for i in range(len(TIMED))]
        parameters = {name: results.median(label, "parameters") for name, label in best.items()}
        return [
            Claim(
                "Exercises: Understanding LSTM Networks, exercise 5",
                "A GRU is typically 20–30 % faster.",
                f"{'Held' if all(0.2 <= s <= 0.3 for s in saving) else 'Not at every size'}: "
                f"{', '.join(f'{s:.0%}' for s in saving)} at the three sizes. Its products are exactly 25 % less work.",
            ),
            Claim(
                "Exercises: Understanding LSTM Networks, exercise 5; Day 14: LSTM and GRU Networks, section 9",
                "Performance is often similar.",
                f"{'Held' if abs(gap) < 0.05 else 'Did not hold here'}: the GRU's loss is {abs(gap):.3f} nats "
                f"{'above' if gap > 0 else 'below'} the LSTM's.",
            ),
            Claim(
                "Day 14: LSTM and GRU Networks, section 9",
                "An LSTM takes 2 times and a GRU 1.5 times as long as a plain RNN (a simulated chart).",
                f"Measured: LSTM {min(rnn):.1f} to {max(rnn):.1f} times, by size.",
            ),
            Claim(
                "Day 14: LSTM and GRU Networks; LSTM Cheatsheet",
                "An LSTM has about 33 % more parameters than a GRU, and 4 times those of an RNN.",
                "Exactly 4/3 and 4 in the recurrent layer; with the softmax, here, "
                f"{parameters['LSTM'] / parameters['GRU']:.2f} and {parameters['LSTM'] / parameters['RNN']:.2f}.",
            ),
        ]


def _best(results: Results) -> dict[str, str]:
    """Each network's variant with the learning rate that suits it best."""
    return {name: min(results.labels(name=name), key=lambda label: results.median(label, "loss")) for name in NETWORKS}


def _times(settings: Settings, seed: int) -> Numbers:
    """Median milliseconds per training step as "CELL n", n being the size's number, and their ratios, turn by turn."""
    numbers: Numbers = {}
    for index, (hidden, batch, steps) in enumerate(settings["sizes"]):
        actions: dict[str, Callable[[], object]] = {
            cell: _stepper(cell, settings["symbols"], hidden, batch, steps, seed) for cell in COMPARED
        }
        for action in actions.values():
            action()  # the first call allocates
        times = {cell: np.array(own) for cell, own in time_in_turns(actions, settings["seconds"]).items()}
        for cell, own in times.items():
            numbers[f"{cell} {index}"] = 1e3 * float(np.median(own))
        numbers[f"gru/lstm {index}"] = float(np.median(times["gru"] / times["lstm"]))
    return numbers


def _stepper(cell: CellName, symbols: int, hidden: int, batch: int, steps: int, seed: int) -> Callable[[], object]:
    """One training step per call."""
    config = ModelConfig(symbols, hidden, symbols, cell=cell)
    model = LanguageModel(config, seed=seed)
    inputs, targets = generator(seed, 0).integers(0, symbols, (2, 1, steps, batch), dtype=np.int32)
    state, moments = model.zero_state(batch), np.zeros((2, config.num_parameters), np.float32)
    optimizer, lrs = OptimizerConfig(), np.array([0.002])
    return lambda: model.engine.train(inputs, targets, state, Training(optimizer, moments, 1, lrs, 0))


EXPERIMENT = LstmVsGru
