"""Which optimizer, at which learning rate?"""

from __future__ import annotations

import math

import numpy as np

from ..engine.config import ModelConfig, OptimizerConfig
from ..errors import NonFiniteError
from ..nn.language_model import LanguageModel
from ..tasks.characters import text_baselines, word_windows
from .charts import Curve, LineChart
from .experiment import Claim, Numbers, Report, Results, Settings, Table
from .learning import TextExperiment, learn_text
from .words import listed, number

#: Name → kind, momentum, learning rates.
RULES: dict[str, tuple[str, float, tuple[float, ...]]] = {
    "SGD": ("sgd", 0.0, (0.001, 0.01, 0.1, 1.0, 10.0)),
    "SGD momentum 0.9": ("sgd", 0.9, (0.001, 0.01, 0.1, 1.0)),
    "Adagrad": ("adagrad", 0.0, (0.001, 0.01, 0.1)),
    "RMSprop": ("rmsprop", 0.0, (0.0001, 0.001, 0.01)),
    "Adam": ("adam", 0.0, (0.0001, 0.001, 0.01, 0.1)),
}
WORD = "hello"


class Optimizers(TextExperiment):
    name = "optimizers"
    question = "Which optimizer, at which learning rate?"
    method = """
        Two problems. "hello": an LSTM of 16 units learns to answer each letter of this one word with the next,
        and the last with a space; its score is the number of updates until the likeliest letter is right
        everywhere, at most 1000. Text: an LSTM of 128 units (--quick: 64), 16 lanes of 50 characters per update
        with carried state; its score is the validation loss on the last 10 % of the text after equally many
        updates. Losses are means per character, gradients are clipped to norm 5. Learning rates are constant
        and a factor of ten apart, so the best of them is only roughly the best possible.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            f"{problem}, {rule} at {lr:g}": {
                **({} if problem == WORD else self.text_settings()),
                "problem": problem,
                "rule": rule,
                "kind": kind,
                "momentum": momentum,
                "lr": lr,
                "hidden_size": 16 if problem == WORD else 64 if quick else 128,
                "updates": 1000 if problem == WORD else 300 if quick else 2000,
            }
            for problem in (WORD, "text")
            for rule, (kind, momentum, lrs) in RULES.items()
            for lr in lrs
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        optimizer = OptimizerConfig(kind=settings["kind"], momentum=settings["momentum"])
        if settings["problem"] == WORD:
            return {"updates": _spell(optimizer, settings, seed)}
        size = len(self.text().vocabulary)
        model = LanguageModel(ModelConfig(size, settings["hidden_size"], size), seed=seed)
        (loss,) = learn_text(model, self.split(), [settings["updates"]], lr=settings["lr"], optimizer=optimizer)
        return {"loss": loss}

    def report(self, results: Results) -> Report:
        split, size = self.split(), len(self.text().vocabulary)
        assert split.validation is not None
        baselines = text_baselines(split.train, split.validation[:20_000], size)
        rows, curves = [], []
        for rule, (_, _, lrs) in RULES.items():
            medians = []
            for lr in lrs:
                spelled = results.spread(f"{WORD}, {rule} at {lr:g}", "updates")
                loss = results.spread(f"text, {rule} at {lr:g}", "loss")
                medians.append(loss.median)
                rows.append([rule, f"{lr:g}", spelled.text(".0f"), loss.text().replace("never", "diverged")])
            curves.append(Curve(rule, np.log10(lrs), np.where(np.isfinite(medians), medians, np.nan)))
        for name in ("even guess", "unigram", "bigram"):
            rows.append([name, "", "", f"{baselines[name]:.3f}"])
        return Report(
            tables=[
                Table(
                    "by learning rate",
                    ["optimizer", "learning rate", "hello: updates", "text: validation loss, nats"],
                    rows,
                )
            ],
            charts=[
                LineChart(
                    "text: validation loss, nats per character",
                    "log10 of the learning rate",
                    curves,
                    {"unigram": baselines["unigram"], "even guess": baselines["even guess"]},
                    y_range=(1.5, 1.05 * baselines["even guess"]),
                )
            ],
            findings=self._findings(results),
            claims=self._claims(results, baselines),
        )

    def _best(self, results: Results, problem: str, metric: str) -> dict[str, tuple[float, float]]:
        """Each optimizer's best median, and its learning rate."""
        return {
            rule: min((results.median(f"{problem}, {rule} at {lr:g}", metric), lr) for lr in lrs)
            for rule, (_, _, lrs) in RULES.items()
        }

    def _findings(self, results: Results) -> list[str]:
        text, word = self._best(results, "text", "loss"), self._best(results, WORD, "updates")
        order = sorted(text, key=lambda rule: text[rule])
        quickest = min(word, key=lambda rule: word[rule])
        rates = [lr for _, lr in text.values()]
        return [
            "Text, each at its best learning rate: "
            + ", ".join(f"{rule} {text[rule][0]:.3f} (at {text[rule][1]:g})" for rule in order)
            + ".",
            f"Their best learning rates are a factor of {max(rates) / min(rates):.0f} apart.",
            f"hello is spelled soonest by {quickest}, after {word[quickest][0]:.0f} updates at {word[quickest][1]:g}.",
        ]

    def _claims(self, results: Results, baselines: dict[str, float]) -> list[Claim]:
        adam, sgd = (results.median(f"text, {rule} at 0.001", "loss") for rule in ("Adam", "SGD"))
        spelled = results.median(f"{WORD}, SGD at 0.001", "updates")
        learned = [name for name, loss in (("Adam", adam), ("SGD", sgd)) if loss < baselines["unigram"]]
        held = "Held for both" if len(learned) == 2 else f"Held for {listed(learned)} alone"
        return [
            Claim(
                "Exercises: Understanding LSTM Networks, checklist; LSTM Cheatsheet",
                "Try a learning rate of 0.001 first.",
                f"{held}: at 0.001 Adam reaches {adam:.3f} nats, SGD {sgd:.3f}; an even guess is "
                f"{baselines['even guess']:.3f}, letter frequencies alone {baselines['unigram']:.3f}. "
                f"Updates until SGD spells hello: {number(spelled, '.0f')}.",
            )
        ]


def _spell(optimizer: OptimizerConfig, settings: Settings, seed: int) -> float:
    """Updates until every letter of the word is answered by the next one; ∞ if that never happens."""
    alphabet, batch = word_windows(WORD)
    config = ModelConfig(len(alphabet), settings["hidden_size"], len(alphabet))
    model = LanguageModel(config, seed=seed)
    moments = np.zeros((2, config.num_parameters), np.float32)
    for step in range(1, settings["updates"] + 1):
        model.engine.forward(batch.inputs, batch.targets, model.zero_state())
        if (model.engine.logits().argmax(axis=2) == batch.targets).all():
            return step - 1
        model.engine.backward()
        try:
            model.engine.update(optimizer, moments, step, settings["lr"])
        except NonFiniteError:
            break
    return math.inf


EXPERIMENT = Optimizers
