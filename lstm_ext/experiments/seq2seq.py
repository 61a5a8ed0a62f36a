"""Can one vector carry a whole sequence from an encoder to a decoder?"""

from __future__ import annotations

import numpy as np

from ..engine.config import OptimizerConfig
from ..nn import Batch, Optimizer, Seq2Seq, fit
from ..tasks import dates
from ..tasks.dates import Dates
from ..tasks.pairs import END, exact_matches, pair_baselines
from ..tasks.reversal import Reversal
from .charts import Bar, BarChart, Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import cosine, generator
from .words import number

TASKS: dict[str, Reversal | Dates] = {
    "reverse up to 5": Reversal(longest=5),
    "reverse up to 8": Reversal(longest=8),
    "reverse up to 12": Reversal(longest=12),
    "dates": Dates(),
}
NETWORKS = {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn"}
TESTED = 500
SOLVED = 0.95


class SequenceToSequence(Experiment):
    name = "seq2seq"
    question = "Can one vector carry a whole sequence from an encoder to a decoder?"
    method = """
        An encoder reads; a decoder of the same cell starts from its last state and writes the likeliest symbol
        until it writes "end". Tasks: repeat 1 to 5, 8 or 12 symbols (of ten) backwards, and translate dates
        from six ways of writing them ("Thursday, 5 March 1987", "5.3.1987", …) to 1987-03-05. Every batch is
        new: 32 pairs; embeddings of 32, 64 units, teacher forcing, Adam at a learning rate that falls from
        0.005 along a half cosine, gradients clipped to norm 1, 4000 updates (--quick: 1200, and neither 12
        symbols nor plain RNNs). An answer counts only if every symbol and its end are right; there are 500
        unseen questions. The baseline writes at each place the symbol that is most frequent there.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            f"{task}, {name}": {
                "task": task,
                "cell": cell,
                "updates": 1200 if quick else 4000,
                "embedding_size": 32,
                "hidden_size": 64,
                "lr": 0.005,
            }
            for task in TASKS
            for name, cell in NETWORKS.items()
            if not (quick and (name == "RNN" or task == "reverse up to 12"))
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        task = TASKS[settings["task"]]
        model = Seq2Seq(
            task.source_size,
            task.target_size,
            settings["hidden_size"],
            end=END,
            cell=settings["cell"],
            embedding_size=settings["embedding_size"],
        ).build(seed=seed)
        rng, updates = generator(seed, 1), settings["updates"]
        test = task.batch(generator(seed, 2), TESTED)
        optimizer = Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=cosine(settings["lr"], updates))
        exact = []
        parts = 8
        for _ in range(parts):
            fit(model, (task.batch(rng, 32) for _ in range(updates // parts)), optimizer, seed=seed)
            answers = model.decode(test.inputs, test.lengths, max_length=len(test.targets))
            exact.append(exact_matches(answers, test.targets))
        said = model.forward(test.inputs, test.lengths, test.targets).argmax(axis=2)
        counted = test.targets >= 0
        baselines = pair_baselines(task.batch(generator(seed, 3), 2000), test)
        return {
            "parameters": model.num_parameters,
            "exact": exact[-1],
            "learning": exact,
            "symbols": float(np.mean(said[counted] == test.targets[counted])),
            "by length": _by_length(answers, test),
            "usual symbol": baselines["usual symbol"],
            "usual answer": baselines["usual answer"],
            "examples": [_shown(settings["task"], test.inputs[:, lane], answers[lane]) for lane in range(3)],
        }

    def report(self, results: Results) -> Report:
        rows = []
        for label in results.variants:
            exact, symbols = results.spread(label, "exact"), results.spread(label, "symbols")
            guessed = [number(results.median(label, name), ".1%") for name in ("usual answer", "usual symbol")]
            rows.append([label, exact.text(".1%"), symbols.text(".1%"), *guessed])
        updates = results.variants["dates, LSTM"]["updates"]
        x = updates // 8 * np.arange(1, 9)
        longest = "reverse up to 8" if results.quick else "reverse up to 12"
        lengths = range(1, TASKS[longest].longest + 1)  # type: ignore[union-attr]
        cells = [name for name in NETWORKS if f"{longest}, {name}" in results.variants]
        return Report(
            tables=[
                Table(
                    "unseen questions",
                    ["task, cell", "answers right", "symbols right, taught", "usual answer", "usual symbol"],
                    rows,
                )
            ],
            charts=[
                BarChart("answers right", [Bar(n, *results.spread(n, "exact")) for n in results.variants], spec=".1%"),
                LineChart(
                    f"{longest}: answers right, by length",
                    "symbols to repeat",
                    [Curve(cell, lengths, *results.spreads(f"{longest}, {cell}", "by length")) for cell in cells],
                    y_range=(0.0, 1.05),
                ),
                LineChart(
                    "dates: answers right",
                    "updates",
                    [Curve(cell, x, *results.spreads(f"dates, {cell}", "learning")) for cell in cells],
                    y_range=(0.0, 1.05),
                ),
            ],
            findings=self._findings(results),
            claims=self._claims(results),
            texts=[
                ("dates, LSTM, writes:", "\n".join(results.cells["dates, LSTM", results.seeds[0]]["examples"])),
            ],
        )

    def _findings(self, results: Results) -> list[str]:
        exact = {label: results.median(label, "exact") for label in results.variants}
        solved = [label for label, share in exact.items() if share >= SOLVED]
        worst = min(exact, key=lambda label: exact[label])
        gaps = {task: exact[f"{task}, LSTM"] - exact[f"{task}, GRU"] for task in TASKS if f"{task}, GRU" in exact}
        return [
            f"Solved ({SOLVED:.0%} of the answers right or more): {'; '.join(solved) or 'none'}. Worst: {worst}, "
            f"{exact[worst]:.1%}.",
            "LSTM minus GRU, in points: " + ", ".join(f"{task} {100 * gap:+.1f}" for task, gap in gaps.items()) + ".",
        ]

    def _claims(self, results: Results) -> list[Claim]:
        share = results.median("dates, LSTM", "exact")
        return [
            Claim(
                "Day 14: LSTM and GRU Networks, exercise 7",
                "An encoder and a decoder LSTM can do a simple translation.",
                f"{'Held' if share >= SOLVED else 'Not yet'}: {share:.1%} of unseen dates are right to the last "
                "character.",
            )
        ]


def _by_length(answers: list[np.ndarray], test: Batch) -> list[float]:
    """Share of the right answers among the questions of 1, 2, … symbols; NaN where there are none."""
    assert test.lengths is not None
    right = np.array([exact_matches([answer], test.targets[:, lane : lane + 1]) for lane, answer in enumerate(answers)])
    lengths = test.lengths
    return [
        float(right[lengths == n].mean()) if (lengths == n).any() else float("nan") for n in range(1, lengths.max() + 1)
    ]


def _shown(task: str, question: np.ndarray, answer: np.ndarray) -> str:
    if task == "dates":
        return f"{dates.source_text(question)} → {dates.target_text(answer)}"
    return f"{' '.join(str(s) for s in question if s > 0)} → {' '.join(map(str, answer))}"


EXPERIMENT = SequenceToSequence
