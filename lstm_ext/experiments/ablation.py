"""Which gate of an LSTM matters most?"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ..data import DEFAULT_TEXT, split
from ..engine.config import ModelConfig
from ..errors import NonFiniteError
from ..nn import Batch, cross_entropy
from ..nn.language_model import LanguageModel
from ..tasks.characters import random_windows, text_baselines
from ..tasks.counting import CountSinceReset
from ..tasks.first_character import FirstCharacter
from ..tasks.last_symbol import LastSymbol
from ..tasks.symbols import SymbolTask, accuracy
from .charts import Bar, BarChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import GOAL, Learner, generator, identity, learn_symbols, loaded
from .linear_cell import LinearCellModel
from .words import listed, number

#: Name → how it differs from the full LSTM, as fields of ``ModelConfig``.
ABLATIONS: dict[str, dict[str, Any]] = {
    "full": {},
    "f = 1": {"force": {"forget": 1.0}},
    "i = 1": {"force": {"input": 1.0}},
    "o = 1": {"force": {"output": 1.0}},
    "f = 0": {"force": {"forget": 0.0}},
    "i = 1 - f": {"coupled": True},
    "no tanh on C": {"no_tanh": True},
}
#: Gates of the trained, full network that are held afterwards.
CLAMPS = ("f = 1", "i = 1", "o = 1", "f = 0")
TASKS = ("first character", "last symbol", "count since reset", "text")
LRS = (0.003, 0.01, 0.03)
FIXED_LR = 0.01
#: Characters in one of the text's sequences.
WINDOW = 40
#: The cell is also watched on sequences this many times as long as in training.
LONGER = 10


class Ablation(Experiment):
    name = "ablation"
    question = "Which gate of an LSTM matters most?"
    method = """
        One gate at a time is held constant, during training and after: f = 1 never forgets, i = 1 always
        writes, o = 1 always shows, f = 0 has no memory but h, i = 1 − f ties writing to forgetting, and "no
        tanh on C" has h = o⊙C. Each variant starts from the same weights (forget bias 1, other biases 0), sees
        the same batches and makes equally many updates. The tasks need different things: first character (20
        noise symbols between) needs to keep, last symbol (20 places) to overwrite, count since reset (30
        steps) to add and to clear, text (tinyshakespeare, windows of 40 characters from a zero state) a bit
        of each. Three tasks are scored by the updates until 99.9 % (counting: 99 %) of an unseen batch are
        right, text by its validation loss. The learning rate is 0.01 for all; without --quick, a second table
        takes the best of 0.003, 0.01 and 0.03 for each variant, by the median over the seeds. 32 units (text:
        64), Adam, gradients clipped to norm 1. The cell is also watched on sequences 10 times as long. At the
        end, the gates of the trained full network are held, without further training.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        return {
            f"{task}, {ablation}, lr {lr}": {
                "task": task,
                "ablation": ablation,
                "lr": lr,
                "limit": (300 if task == "text" else 600) if quick else (1000 if task == "text" else 1500),
                "hidden_size": 64 if task == "text" else 32,
                "clamps": list(CLAMPS) if ablation == "full" and lr == FIXED_LR else [],
                **(identity(loaded(DEFAULT_TEXT)) if task == "text" else {}),
            }
            for task in TASKS
            for lr in ((FIXED_LR,) if quick else LRS)
            for ablation in ABLATIONS
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        name = settings["task"]
        if name == "text":
            train, validation, size = _text()
            learner = _learner(ModelConfig(size, settings["hidden_size"], size), settings["ablation"], seed)
            windows = generator(seed, 1)
            with contextlib.suppress(NonFiniteError):
                for _ in range(settings["limit"]):
                    learner.step(random_windows(train, WINDOW, windows, 32), settings["lr"])
            tested, far = (random_windows(validation, n, generator(seed, 4), 200) for n in (WINDOW, WINDOW * LONGER))
            numbers: Numbers = {"updates": math.inf, "accuracy": accuracy(learner.logits(tested), tested.targets)}
        else:
            task = _task(name)
            config = ModelConfig(task.input_size, settings["hidden_size"], task.output_size)
            learner = _learner(config, settings["ablation"], seed)
            goal = 0.99 if name == "count since reset" else GOAL
            learned = learn_symbols(learner, task, seed, lr=settings["lr"], limit=settings["limit"], goal=goal)
            numbers = {"updates": learned.steps, "accuracy": learned.accuracy}
            tested, far = task.batch(generator(seed, 4), 200), _task(name, LONGER).batch(generator(seed, 5), 50)
        numbers["nats"] = _nats(learner.logits(tested), tested.targets)
        numbers["max |C|"] = _largest_cell(learner, tested)
        numbers["max |C|, longer"] = _largest_cell(learner, far)
        numbers["accuracy, longer"] = accuracy(learner.logits(far), far.targets)
        for clamp in settings["clamps"]:
            assert isinstance(learner.model, LanguageModel)
            clamped = LanguageModel(replace(learner.model.config, **ABLATIONS[clamp]))
            clamped.load(learner.model.parameters)
            said = Learner(clamped).logits(tested)
            numbers[f"accuracy with {clamp}"] = accuracy(said, tested.targets)
            numbers[f"nats with {clamp}"] = _nats(said, tested.targets)
        return numbers

    def report(self, results: Results) -> Report:
        lrs = (FIXED_LR,) if results.quick else LRS
        tables = [self._table(results, f"learning rate {FIXED_LR}", {key: FIXED_LR for key in _keys()})]
        fixed = self._scores(results, {key: FIXED_LR for key in _keys()})
        scores = fixed
        if len(lrs) > 1:
            best = {
                (task, ablation): min(lrs, key=lambda lr: self._score(results, task, ablation, lr))
                for task, ablation in _keys()
            }
            tables.append(self._table(results, "the best learning rate for each", best, name_lr=True))
            scores = self._scores(results, best)
        tables += [self._cells(results), self._clamped(results)]
        charts = [
            BarChart(
                f"{task}: {'validation loss, nats per character' if task == 'text' else 'updates until learned'}",
                [
                    Bar(ablation, *results.spread(f"{task}, {ablation}, lr {FIXED_LR}", _metric(task)))
                    for ablation in ABLATIONS
                ],
                spec=".3f" if task == "text" else ".0f",
            )
            for task in TASKS
        ]
        return Report(tables, charts, self._findings(results, scores), self._claims(scores))

    def _score(self, results: Results, task: str, ablation: str, lr: float) -> tuple[float, float]:
        """Smaller is better: the median of the task's score, then the share of errors."""
        label = f"{task}, {ablation}, lr {lr}"
        return results.median(label, _metric(task)), 1 - results.median(label, "accuracy")

    def _scores(
        self, results: Results, lrs: Mapping[tuple[str, str], float]
    ) -> dict[str, dict[str, tuple[float, float]]]:
        return {
            task: {ablation: self._score(results, task, ablation, lrs[task, ablation]) for ablation in ABLATIONS}
            for task in TASKS
        }

    def _table(
        self, results: Results, title: str, lrs: Mapping[tuple[str, str], float], *, name_lr: bool = False
    ) -> Table:
        rows = []
        for ablation in ABLATIONS:
            row = [ablation]
            for task in TASKS:
                label = f"{task}, {ablation}, lr {lrs[task, ablation]}"
                text = results.spread(label, _metric(task)).text(".3f" if task == "text" else ".0f")
                if task != "text" and math.isinf(results.median(label, "updates")):
                    text = f"{results.spread(label, 'accuracy').text('.0%')} right"
                row.append(f"{text} @{lrs[task, ablation]}" if name_lr else text)
            rows.append(row)
        rows.append(["guessing", *(_guess(task) for task in TASKS)])
        return Table(f"updates until learned (text: nats), {title}", ["variant", *TASKS], rows)

    def _cells(self, results: Results) -> Table:
        tasks = TASKS[1:3]
        rows = []
        for ablation in ABLATIONS:
            row = [ablation]
            for task in tasks:
                label = f"{task}, {ablation}, lr {FIXED_LR}"
                row += [
                    results.spread(label, metric).text(spec)
                    for metric, spec in (("max |C|", ".0f"), ("max |C|, longer", ".0f"), ("accuracy, longer", ".0%"))
                ]
            rows.append(row)
        columns = [f"{task} {what}" for task in ("last", "count") for what in ("|C|", "|C| x10", "right x10")]
        return Table(f"the largest |C|, at the training length and at {LONGER} times that", ["variant", *columns], rows)

    def _clamped(self, results: Results) -> Table:
        rows = []
        for clamp in ("", *CLAMPS):
            row = [clamp or "as trained"]
            for task in TASKS:
                metric = ("nats" if task == "text" else "accuracy") + (f" with {clamp}" if clamp else "")
                spread = results.spread(f"{task}, full, lr {FIXED_LR}", metric)
                row.append(spread.text(".3f" if task == "text" else ".0%"))
            rows.append(row)
        return Table("the full network, trained, then one gate held: share right (text: nats)", ["held", *TASKS], rows)

    def _findings(self, results: Results, scores: dict[str, dict[str, tuple[float, float]]]) -> list[str]:
        sentences = []
        for task, by_variant in scores.items():
            order = sorted(by_variant, key=lambda ablation: by_variant[ablation])
            best = [ablation for ablation in order if by_variant[ablation] == by_variant[order[0]]]
            place = order.index("f = 1") + 1
            sentences.append(
                f"{task.capitalize()}: best {listed(best)}, worst {order[-1]}; "
                f"without forgetting (f = 1) is number {place} of {len(order)}, "
                f"the full LSTM is number {order.index('full') + 1}."
            )
        places = {task: sorted(s.values()).index(s["f = 1"]) + 1 for task, s in scores.items()}
        if min(places.values()) < max(places.values()):
            sentences.append(
                "The cost of removing the forget gate depends on the task: "
                f"f = 1 ranks {min(places.values())} on "
                f"{min(places, key=lambda task: places[task])} and {max(places.values())} on "
                f"{max(places, key=lambda task: places[task])}."
            )
        grown = {
            ablation: results.median(f"count since reset, {ablation}, lr {FIXED_LR}", "max |C|, longer")
            for ablation in ("f = 1", "full")
        }
        sentences.append(
            f"When counting over {LONGER} times as many steps as in training, |C| reaches "
            f"{number(grown['f = 1'], '.0f')} with f = 1 and {number(grown['full'], '.0f')} in the full LSTM."
        )
        return sentences

    def _claims(self, scores: dict[str, dict[str, tuple[float, float]]]) -> list[Claim]:
        gates = ("f = 1", "i = 1", "o = 1")
        worst = {task: max(gates, key=lambda gate: s[gate]) for task, s in scores.items()}
        forget = [task for task, gate in worst.items() if gate == "f = 1" and scores[task][gate] > scores[task]["full"]]
        return [
            Claim(
                "Exercises: Understanding LSTM Networks, exercise 3",
                "Removing the forget gate hurts most.",
                f"{'Held' if len(forget) == len(scores) else 'Depends on the task'}: of f = 1, i = 1 and o = 1, "
                f"f = 1 did worst on {listed(forget)}"
                + "".join(f", {gate} on {task}" for task, gate in worst.items() if task not in forget)
                + ".",
            )
        ]


def _keys() -> list[tuple[str, str]]:
    return [(task, ablation) for task in TASKS for ablation in ABLATIONS]


def _metric(task: str) -> str:
    return "nats" if task == "text" else "updates"


def _guess(task: str) -> str:
    """The best trivial guess."""
    if task == "text":
        train, validation, size = _text()
        return f"{text_baselines(train, validation, size)['unigram']:.3f}"
    return f"{max(_task(task).baselines().values()):.0%} right"


def _task(name: str, longer: int = 1) -> SymbolTask:
    """One of the generated tasks, with sequences ``longer`` times as long as in training."""
    if name == "first character":
        return FirstCharacter(20 * longer)
    return LastSymbol(20 * longer) if name == "last symbol" else CountSinceReset(30 * longer)


def _text() -> tuple[np.ndarray, np.ndarray, int]:
    """What is learned from, what is validated on, and how many symbols there are."""
    text = loaded(DEFAULT_TEXT)
    parts = split(text)
    assert parts.validation is not None
    return parts.train, parts.validation, len(text.vocabulary)


def _learner(config: ModelConfig, ablation: str, seed: int) -> Learner:
    """All variants start from the same weights: they have the same shapes, filled from the same seed."""
    if ablation != "no tanh on C":
        return Learner(LanguageModel(replace(config, **ABLATIONS[ablation]), seed=seed))
    network = LinearCellModel(config.input_size, config.hidden_size, config.output_size).build(seed=seed)
    network.parameters[...] = LanguageModel(config, seed=seed).parameters
    return Learner(network)


def _nats(logits: np.ndarray, targets: np.ndarray) -> float:
    return cross_entropy(logits, targets)[0]


def _largest_cell(learner: Learner, batch: Batch) -> float:
    """The largest |C| that any unit reaches."""
    learner.logits(batch)
    if isinstance(learner.model, LanguageModel):
        cells = learner.model.engine.activations(0).c
    else:
        assert isinstance(learner.model, LinearCellModel)
        cells = learner.model.rnn.c
    assert cells is not None
    return float(abs(cells).max())


EXPERIMENT = Ablation
