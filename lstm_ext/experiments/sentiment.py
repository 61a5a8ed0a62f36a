"""Which networks can tell good from bad, by words and by their order?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..engine.config import OptimizerConfig
from ..nn import Batch, Classifier, Optimizer, fit
from ..tasks import sentiment as task_module
from ..tasks.sentiment import WORDS, NegatedReviews, PlainReviews
from .charts import Bar, BarChart, Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import generator
from .words import listed

TASKS: dict[str, PlainReviews | NegatedReviews] = {"plain": PlainReviews(), "negated": NegatedReviews()}
NETWORKS: dict[str, dict[str, Any]] = {
    "RNN": {"cell": "rnn"},
    "GRU": {"cell": "gru"},
    "LSTM": {"cell": "lstm"},
    "LSTM mean": {"cell": "lstm", "pooling": "mean"},
    "BiLSTM": {"cell": "lstm", "bidirectional": True},
    "BiLSTM attention": {"cell": "lstm", "bidirectional": True, "pooling": "attention"},
}
GOAL = 0.999
CHECK_EVERY = 50
TESTED = 1000


class Sentiment(Experiment):
    name = "sentiment"
    question = "Which networks can tell good from bad, by words and by their order?"
    method = """
        Made-up reviews, every batch new. Plain: 2–3 words of one feeling among 3–6 neutral ones, in any order.
        Negated: three words of feeling, any of which a "not" before it may negate; the majority of what is
        meant decides, and the words without their order say exactly nothing. Embeddings of 32, 64 units,
        dropout 0.1 before and after the layer, then the last state of each direction (or the mean over the
        words, or attention) and a softmax. 32 sentences per update, Adam at 0.005, gradients clipped to norm 1,
        until 99.9 % of 1000 unseen sentences are right, at most 1500 updates (--quick: 800). The accuracy is
        measured on another 1000. For attention, the share that falls on words of feeling and on "not" is
        measured before and after learning.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            f"{task}, {network}": {
                "task": task,
                "network": network,
                "limit": 800 if quick else 1500,
                "embedding_size": 32,
                "hidden_size": 64,
                "dropout": 0.1,
                "lr": 0.005,
            }
            for task in TASKS
            for network in NETWORKS
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        task = TASKS[settings["task"]]
        model = Classifier(
            len(WORDS),
            settings["hidden_size"],
            2,
            embedding_size=settings["embedding_size"],
            dropout=settings["dropout"],
            **NETWORKS[settings["network"]],
        ).build(seed=seed)
        unseen, tested = (task.batch(generator(seed, purpose), TESTED) for purpose in (2, 3))
        numbers: Numbers = {"parameters": model.num_parameters, "updates": math.inf, "learning": []}
        attends = NETWORKS[settings["network"]].get("pooling") == "attention"
        if attends:
            numbers["attention before"], numbers["words that tell"] = _attention(model, tested)
        train, optimizer = generator(seed, 1), Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=settings["lr"])
        for _ in range(settings["limit"] // CHECK_EVERY):
            fit(model, (task.batch(train, 32) for _ in range(CHECK_EVERY)), optimizer, seed=seed)
            numbers["learning"].append(_accuracy(model, unseen))
            if numbers["learning"][-1] >= GOAL:
                numbers["updates"] = optimizer.steps
                break
        # The last value is repeated, so that all curves have one length and can be averaged.
        missing = settings["limit"] // CHECK_EVERY - len(numbers["learning"])
        numbers["learning"] += [numbers["learning"][-1]] * missing
        numbers["accuracy"] = _accuracy(model, tested)
        if attends:
            numbers["attention after"], _ = _attention(model, tested)
            words = task_module.sentences(tested)[0]
            numbers["example"] = words
            numbers["example attention"] = model.attention_weights[: len(words), 0]
        return numbers

    def report(self, results: Results) -> Report:
        rows = []
        for network in NETWORKS:
            row = [network, f"{results.median(f'plain, {network}', 'parameters'):,.0f}"]
            for task in TASKS:
                label = f"{task}, {network}"
                row += [results.spread(label, "accuracy").text(".1%"), results.spread(label, "updates").text(".0f")]
            rows.append(row)
        for name in ("chance", "bag of words"):
            rows.append([name, "", *(c for task in TASKS.values() for c in (f"{task.baselines()[name]:.1%}", ""))])
        columns = ["network", "parameters", *(c for task in TASKS for c in (f"{task}: right", "updates until learned"))]
        shown = results.variants["negated, LSTM"]["limit"] // CHECK_EVERY
        updates = CHECK_EVERY * np.arange(1, shown + 1)
        bars = [
            Bar(f"{task}, {when}", *results.spread(f"{task}, BiLSTM attention", metric))
            for task in TASKS
            for when, metric in (
                ("even", "words that tell"),
                ("untrained", "attention before"),
                ("trained", "attention after"),
            )
        ]
        example = results.cells["negated, BiLSTM attention", results.seeds[0]]
        weights = [
            Bar(word, weight, weight, weight)
            for word, weight in zip(example["example"], example["example attention"], strict=True)
        ]
        return Report(
            tables=[Table("on unseen sentences", columns, rows)],
            charts=[
                LineChart(
                    "negated: share of unseen sentences that are right",
                    "updates",
                    [Curve(name, updates, *results.spreads(f"negated, {name}", "learning")) for name in NETWORKS],
                    {"bag of words": 0.5},
                    y_range=(0.4, 1.02),
                ),
                BarChart('share of the attention on words of feeling and "not"', bars, spec=".0%"),
                BarChart("where the attention goes in one negated review", weights, spec=".2f"),
            ],
            findings=self._findings(results),
            claims=self._claims(results),
        )

    def _solved(self, results: Results, task: str) -> list[str]:
        return [name for name in NETWORKS if results.median(f"{task}, {name}", "accuracy") >= GOAL - 0.001]

    def _findings(self, results: Results) -> list[str]:
        plain, negated = (self._solved(results, task) for task in TASKS)
        failed = [name for name in NETWORKS if name not in negated]
        sentences = [
            f"Plain reviews are solved (99.8 % or more) by {'all' if len(plain) == len(NETWORKS) else listed(plain)}, "
            "as by a rule of one line: good if there is a positive word.",
            f"With negation they are solved by {listed(negated)}"
            + ("." if not failed else f"; not by {listed(failed)} within the updates allowed."),
        ]
        before, after = (
            results.median("negated, BiLSTM attention", f"attention {when}") for when in ("before", "after")
        )
        sentences.append(
            'The share of the attention on words of feeling and "not" goes '
            f"from {before:.0%} untrained to {after:.0%} trained with negation, "
            f"and to {results.median('plain, BiLSTM attention', 'attention after'):.0%} on plain reviews."
        )
        return sentences

    def _claims(self, results: Results) -> list[Claim]:
        right = results.median("plain, BiLSTM", "accuracy")
        before, after = (results.median("plain, BiLSTM attention", f"attention {when}") for when in ("before", "after"))
        even = results.median("plain, BiLSTM attention", "words that tell")
        return [
            Claim(
                "Day 14: LSTM and GRU Networks, section 7",
                "A bidirectional LSTM classifies sentiment.",
                f"Held: {right:.1%} on unseen sentences; but everything else that was tried also gets "
                f"at least {min(results.median(f'plain, {name}', 'accuracy') for name in NETWORKS):.1%}.",
            ),
            Claim(
                "Day 14: LSTM and GRU Networks, section 8",
                "Attention is higher on sentiment words (shown on an untrained network).",
                f"{'Held once trained' if after > 1.2 * even else 'Did not hold'}: {before:.0%} of it untrained, "
                f"{after:.0%} trained; even attention would give them {even:.0%}.",
            ),
        ]


def _accuracy(model: Classifier, reviews: Batch) -> float:
    return float(np.mean(model.predict(reviews.inputs, reviews.lengths) == reviews.targets))


def _attention(model: Classifier, reviews: Batch) -> tuple[float, float]:
    """The share of the attention, and of the words, that falls on words of feeling and "not"."""
    model.predict(reviews.inputs, reviews.lengths)
    telling = [*task_module.POSITIVE, *task_module.NEGATIVE, task_module.NOT]
    tells = np.isin(reviews.inputs, [WORDS.index(word) for word in telling])
    return (
        float((model.attention_weights * tells).sum(axis=0).mean()),
        float((tells.sum(axis=0) / (reviews.inputs > 0).sum(axis=0)).mean()),
    )


EXPERIMENT = Sentiment
