"""Do today's cells solve the problems that the LSTM was invented for?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..engine.config import ModelConfig, OptimizerConfig
from ..nn import Batch, Optimizer, Regressor, fit
from ..nn.language_model import LanguageModel
from ..tasks.adding import Adding
from ..tasks.copy_memory import CopyMemory
from ..tasks.reber import EmbeddedReber
from ..tasks.symbols import SymbolTask, accuracy
from .charts import Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import UNSEEN, Learner, cosine, generator
from .words import listed, number

#: Name → cell, whether its biases are initialized by chrono (T is the sequence's length).
STARTS = {
    "LSTM chrono": ("lstm", True),
    "GRU chrono": ("gru", True),
    "LSTM": ("lstm", False),
    "GRU": ("gru", False),
    "RNN": ("rnn", False),
}
#: Problem → kind, length, updates, those with --quick (0: not at all).
PROBLEMS = {
    "adding 50": ("adding", 50, 2000, 800),
    "adding 200": ("adding", 200, 2000, 0),
    "copy 20": ("copy", 20, 4000, 800),
    "copy 100": ("copy", 100, 4000, 0),
    "Reber": ("reber", 0, 2000, 1000),
}
#: Evaluations of each run.
CHECKS = 10
#: An error below this counts as solved, as does this share of copied symbols or of whole strings.
SOLVED_ERROR, SOLVED_SHARE = 0.002, 0.97


class Classics(Experiment):
    name = "classics"
    question = "Do today's cells solve the problems that the LSTM was invented for?"
    method = """
        Adding: the sum of two marked numbers among 50 or 200; always answering 1 has an error of 1/6. Copy:
        ten symbols drawn from eight, a delay of 20 or 100 steps, then the same ten again; knowing when to
        answer but not what costs 10·ln 8/(delay + 20) nats per step. Embedded Reber grammar: the last letter
        but one repeats the second; a string counts as right if at every step all letters that the grammar
        allows are more likely than all others. New batches of 32 (Reber: 16) from a zero state; 64 units
        (Reber: 16), Adam at 0.01 (copy: 0.005), gradients clipped to norm 1. The LSTM starts with a forget
        bias of 1, GRU and RNN with biases of 0, chrono as in the experiment "memory". --quick has only
        adding 50, copy 20 and Reber, and fewer updates.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            f"{problem}, {start}": {
                "problem": problem,
                "kind": kind,
                "length": length,
                "start": start,
                "cell": cell,
                "chrono": chrono,
                "hidden_size": 16 if kind == "reber" else 64,
                "lr": 0.005 if kind == "copy" else 0.01,
                "updates": shorter if quick else updates,
            }
            for problem, (kind, length, updates, shorter) in PROBLEMS.items()
            for start, (cell, chrono) in STARTS.items()
            if shorter or not quick
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        measured = {"adding": _add, "copy": _copy, "reber": _reber}[settings["kind"]](settings, seed)
        return {"learning": measured, "score": measured[-1]}

    def report(self, results: Results) -> Report:
        problems = [p for p in PROBLEMS if f"{p}, RNN" in results.variants]
        rows = []
        for start in STARTS:
            spreads = [results.spread(f"{problem}, {start}", "score") for problem in problems]
            specs = [".4f" if PROBLEMS[problem][0] == "adding" else ".0%" for problem in problems]
            rows.append([start, *(spread.text(spec) for spread, spec in zip(spreads, specs, strict=True))])
        rows.append(["guessing", *(_guess(problem) for problem in problems)])
        columns = ["start", *(f"{problem}: {_score(problem)}" for problem in problems)]
        return Report(
            tables=[Table("on unseen sequences", columns, rows)],
            charts=[self._chart(results, problem) for problem in problems],
            findings=[self._finding(results, problem) for problem in problems],
            claims=self._claims(results),
        )

    def _chart(self, results: Results, problem: str) -> LineChart:
        kind = PROBLEMS[problem][0]
        updates = results.variants[f"{problem}, RNN"]["updates"] // CHECKS * np.arange(1, CHECKS + 1)
        return LineChart(
            f"{problem}: {_score(problem)}",
            "updates",
            [Curve(start, updates, *results.spreads(f"{problem}, {start}", "learning")) for start in STARTS],
            {"always 1": 1 / 6} if kind == "adding" else {"chance": 1 / 8 if kind == "copy" else 0.5},
            log_y=kind == "adding",
            y_range=None if kind == "adding" else (0.0, 1.05),
        )

    def _finding(self, results: Results, problem: str) -> str:
        scores = {start: results.median(f"{problem}, {start}", "score") for start in STARTS}
        adding = PROBLEMS[problem][0] == "adding"
        solved = [s for s, score in scores.items() if (score <= SOLVED_ERROR if adding else score >= SOLVED_SHARE)]
        best = (min if adding else max)(scores, key=lambda start: scores[start])
        text = number(scores[best], ".1e" if adding else ".0%")
        return f"{problem[0].upper()}{problem[1:]}: solved by {listed(solved)}; best: {best}, {text}."

    def _claims(self, results: Results) -> list[Claim]:
        lstm, rnn = (results.median(f"Reber, {start}", "score") for start in ("LSTM", "RNN"))
        strings = 16 * results.variants["Reber, LSTM"]["updates"]
        gru, plain = (results.median(f"adding 50, {start}", "score") for start in ("GRU", "RNN"))
        return [
            Claim(
                "Hochreiter and Schmidhuber 1997",
                "LSTMs learn the embedded Reber grammar, from 8,440 to 39,740 strings; Elman networks never do.",
                f"{'Held for the LSTM' if lstm >= SOLVED_SHARE else 'Did not hold'} within {strings:,} strings "
                f"({lstm:.0%}); the plain RNN {'does as well' if rnn >= SOLVED_SHARE else 'does not'} ({rnn:.0%}), "
                "with Adam and backpropagation through the whole string.",
            ),
            Claim(
                "Bai, Kolter and Koltun 2018",
                "A GRU solves the adding problem, a plain RNN stays at the guess.",
                f"{'Held' if gru < SOLVED_ERROR < plain else 'Did not hold'} at 50 numbers: GRU {gru:.1e}, "
                f"RNN {plain:.2f}.",
            ),
        ]


def _score(problem: str) -> str:
    return {"adding": "mean squared error", "copy": "symbols right", "reber": "strings right"}[PROBLEMS[problem][0]]


def _guess(problem: str) -> str:
    kind, length, *_ = PROBLEMS[problem]
    if kind == "adding":
        return f"{Adding(length).baselines()['always 1']:.4f}"
    return f"{CopyMemory(length).baselines()['chance'] if kind == 'copy' else 0.5:.0%}"


def _init(settings: Settings, steps: int) -> str:
    return f"chrono:{steps}" if settings["chrono"] else "uniform"


def _add(settings: Settings, seed: int) -> list[float]:
    task = Adding(settings["length"])
    init = _init(settings, settings["length"])
    model = Regressor(2, settings["hidden_size"], cell=settings["cell"], init=init).build(seed=seed)
    rng, unseen = generator(seed, 1), task.batch(generator(seed, 2), UNSEEN)
    optimizer = Optimizer(model, OptimizerConfig(clip_norm=1.0), lr=cosine(settings["lr"], settings["updates"]))
    errors = []
    for _ in range(CHECKS):
        fit(model, (task.batch(rng, 32) for _ in range(settings["updates"] // CHECKS)), optimizer, seed=seed)
        errors.append(model.loss(*unseen))
    return errors


def _copy(settings: Settings, seed: int) -> list[float]:
    task = CopyMemory(settings["length"])

    def recalled(logits: np.ndarray, unseen: Batch) -> float:
        return accuracy(logits, task.recalled(unseen.targets))

    return _scores(settings, task, settings["length"] + 20, 32, recalled, seed)


def _reber(settings: Settings, seed: int) -> list[float]:
    task = EmbeddedReber()
    # The strings' length differs; 15 is about twice the mean.
    return _scores(settings, task, 15, 16, task.learned, seed)


def _scores(
    settings: Settings,
    task: SymbolTask,
    span: int,
    batch_size: int,
    score: Callable[[np.ndarray, Batch], float],
    seed: int,
) -> list[float]:
    config = ModelConfig(task.input_size, settings["hidden_size"], task.output_size, cell=settings["cell"])
    learner = Learner(LanguageModel(config, seed=seed, init=_init(settings, span)))
    rng, unseen = generator(seed, 1), task.batch(generator(seed, 2), UNSEEN)
    every, rate = settings["updates"] // CHECKS, cosine(settings["lr"], settings["updates"])
    scores = []
    for step in range(1, CHECKS * every + 1):
        learner.step(task.batch(rng, batch_size), rate(step))
        if step % every == 0:
            scores.append(score(learner.logits(unseen), unseen))
    return scores


EXPERIMENT = Classics
