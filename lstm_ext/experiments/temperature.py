"""What does the sampling temperature change?"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from ..data.ngram import ngram_losses
from ..engine.config import ModelConfig
from ..nn.language_model import LanguageModel
from .charts import Curve, LineChart
from .experiment import Claim, Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, cosine, learn_text

TEMPERATURES = (0.1, 0.3, 0.5, 0.7, 0.8, 1.0, 1.2, 1.5)
#: Characters drawn at each temperature, and shown of them.
DRAWN, SHOWN = 4000, 150
#: A piece of this many characters that occurred before counts as repeated.
GRAM = 20


class Temperature(TextExperiment):
    name = "temperature"
    question = "What does the sampling temperature change?"
    method = """
        An LSTM of 128 units learns one text. Then 4000 characters are drawn at each temperature and measured
        without the network: how surprising they are to a 5-gram model counted on the training text (nats per
        character), what share of their words occurs in the training text, what share of their pieces of 20
        characters occurred earlier in the sample, and how many different words there are per hundred. The same
        is measured on 4000 characters of the text kept for validation.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        updates = 2000 if quick else 8000
        return {"LSTM": {**self.text_settings(), "hidden_size": 128, "updates": updates, "lr": 0.01, "drawn": DRAWN}}

    def measure(self, settings: Settings, seed: int) -> Numbers:
        text, split = self.text(), self.split()
        size, updates = len(text.vocabulary), settings["updates"]
        model = LanguageModel(ModelConfig(size, settings["hidden_size"], size), seed=seed)
        (loss,) = learn_text(model, split, [updates], lr=cosine(settings["lr"], updates))
        numbers: Numbers = {"loss": loss, "sample": []}
        measured = []
        for temperature in TEMPERATURES:
            drawn = model.sample(split.train[:1], settings["drawn"], temperature=temperature, seed=seed)
            measured.append(_measured(split.train, drawn, text.vocabulary.decode, size))
            numbers["sample"].append(text.vocabulary.decode(drawn[:SHOWN]))
        assert split.validation is not None
        measured.append(_measured(split.train, split.validation[: settings["drawn"]], text.vocabulary.decode, size))
        for name in measured[0]:
            numbers[name] = [one[name] for one in measured]
        return numbers

    def report(self, results: Results) -> Report:
        metrics = ("5-gram nats", "known words", "repeated", "different words")
        values = {metric: results.spreads("LSTM", metric) for metric in metrics}
        specs = (".2f", ".0%", ".0%", ".0f")
        rows = []
        for index, name in enumerate([*(f"{t:g}" for t in TEMPERATURES), "real text"]):
            row = [name]
            for metric, spec in zip(metrics, specs, strict=True):
                median, low, high = (array[index] for array in values[metric])
                row.append(f"{median:{spec}}" + ("" if low == high else f" ({low:{spec}}–{high:{spec}})"))
            rows.append(row)
        count = len(TEMPERATURES)
        real = {metric: float(values[metric][0][count]) for metric in metrics}
        samples = results.cells["LSTM", results.seeds[0]]["sample"]
        nats, known = (tuple(array[:count] for array in values[metric]) for metric in metrics[:2])
        return Report(
            tables=[
                Table(
                    "by temperature",
                    ["temperature", "5-gram, nats", "known words", "repeated", "different words of 100"],
                    rows,
                )
            ],
            charts=[
                LineChart(
                    "how surprising to a 5-gram model, nats per character",
                    "temperature",
                    [Curve("drawn", TEMPERATURES, *nats)],
                    {"real text": real["5-gram nats"]},
                ),
                LineChart(
                    "share of words that occur in the training text",
                    "temperature",
                    [Curve("drawn", TEMPERATURES, *known)],
                    {"real text": real["known words"]},
                    y_range=(0.0, 1.05),
                ),
            ],
            findings=self._findings(values, real),
            claims=self._claims(values, real),
            texts=[(f"temperature {TEMPERATURES[index]:g}:", samples[index]) for index in (1, 3, 5, 7)],
        )

    def _findings(self, values: Mapping[str, Sequence[np.ndarray]], real: dict[str, float]) -> list[str]:
        count = len(TEMPERATURES)
        nats, repeated, known = (values[name][0][:count] for name in ("5-gram nats", "repeated", "known words"))
        # A text that only repeats itself can be as easy to predict as real text.
        varied = [index for index in range(count) if repeated[index] <= real["repeated"] + 0.1]
        like = min(varied, key=lambda index: abs(nats[index] - real["5-gram nats"]), default=None)
        nearest = "" if like is None else f" {TEMPERATURES[like]:g} is nearest to it, at {nats[like]:.2f}."
        return [
            f"The real text costs the 5-gram model {real['5-gram nats']:.2f} nats per character; of the temperatures "
            f"whose samples repeat themselves at most 10 points more often,{nearest or ' there are none.'}",
            f"From {TEMPERATURES[0]:g} to {TEMPERATURES[-1]:g} the share of known words goes from {known[0]:.0%} to "
            f"{known[-1]:.0%} (real text {real['known words']:.0%}), that of repeated pieces from {repeated[0]:.0%} to "
            f"{repeated[-1]:.0%} (real text {real['repeated']:.0%}).",
        ]

    def _claims(self, values: Mapping[str, Sequence[np.ndarray]], real: dict[str, float]) -> list[Claim]:
        def at(metric: str, temperature: float) -> float:
            return float(values[metric][0][TEMPERATURES.index(temperature)])

        repetitive = at("repeated", 0.3) > at("repeated", 1.0)
        coherent = at("known words", 0.5) > at("known words", 1.5)
        return [
            Claim(
                "Day 2: Understanding LSTM Networks, section 7; LSTM Cheatsheet",
                "Low temperatures are coherent but repetitive, high ones diverse but incoherent.",
                f"{'Held' if repetitive and coherent else 'Did not hold'}: repeated {at('repeated', 0.3):.0%} at 0.3 "
                f"and {at('repeated', 1.0):.0%} at 1; known words {at('known words', 0.5):.0%} at 0.5 and "
                f"{at('known words', 1.5):.0%} at 1.5.",
            ),
            Claim(
                "LSTM Cheatsheet",
                "0.5–0.8 for coherent text.",
                f"At 0.5 {at('known words', 0.5):.0%}, at 0.8 {at('known words', 0.8):.0%} of the words are known "
                f"(real text {real['known words']:.0%}), repeated {at('repeated', 0.5):.0%} and "
                f"{at('repeated', 0.8):.0%}.",
            ),
        ]


def _measured(train: np.ndarray, drawn: np.ndarray, decode: Callable[[np.ndarray], str], size: int) -> dict[str, float]:
    text = decode(drawn)
    known = set(re.findall(r"\w+", decode(train)))
    words = re.findall(r"\w+", text)
    grams = Counter(text[start : start + GRAM] for start in range(len(text) - GRAM + 1))
    return {
        "5-gram nats": ngram_losses(train, drawn, size)["5-gram"],
        "known words": sum(word in known for word in words) / max(1, len(words)),
        "repeated": 1 - len(grams) / max(1, grams.total()),
        "different words": 100 * len(set(words)) / max(1, len(words)),
    }


EXPERIMENT = Temperature
