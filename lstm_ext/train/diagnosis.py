"""What is wrong with a run, in words, with the fix: the usual symptoms, found in its losses."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Literal

from ..arguments import checked
from .config import TrainerConfig
from .history import HistoryView
from .snapshot import Snapshot

Symptom = Literal[
    "exploding", "memorizing", "overfitting", "vanishing", "not learning", "plateau", "slow", "repetitive"
]

#: Exploding: half of what was learned is lost, where that was at least this much, ...
LEARNED = 0.5
#: ... or the loss lies this far above that of the first step, which is about that of guessing.
ABOVE_START = 1.0
#: Memorizing: validation lies this far above training, and is at least twice as high, ...
GAP = 1.0
#: ... and training is below the entropy of English, 0.6 to 1.3 bits per character (Shannon 1951): more than can be
#: known without having read this very text.
ENTROPY = 0.7
#: Overfitting: this many evaluations in a row are worse than the best by this share, while the training loss fell by
#: the same share.
WORSE_EVALUATIONS, WORSE = 3, 0.02
#: Vanishing: over the last twentieth of at least this many steps, the gradient's norm stayed below this, while the loss
#: is above this: the noise between batches alone gives more, unless saturated units let nothing through.
VANISHED_STEPS, VANISHED, UNKNOWN = 200, 1e-3, 0.5
#: Not learning: after this many steps the loss has fallen by less than this share.
STUCK_STEPS, FALLEN = 500, 0.1
#: Plateau: in a run of this many steps or more, the loss fell by less than this share from its third quarter to its
#: last.
PLATEAU_STEPS, IMPROVED = 4000, 0.005
#: ... and is not as low as that of a text that can be known completely.
KNOWN = 0.05
#: Slow: a step takes longer than this many seconds.
STEP_SECONDS = 2.0
#: Learning rates that usually work.
USUAL_RATES = {"sgd": (0.05, 2.0), "rmsprop": (1e-3, 1e-2), "adagrad": (1e-2, 0.1), "adam": (1e-3, 1e-2)}
#: Repetitive: the last 100 characters of a sample repeat one piece of no more than 25 characters.
PIECE, REPEATED = 25, 100


@dataclass(frozen=True)
class Diagnosis:
    """One symptom of a run."""

    name: Symptom
    #: What is seen, with numbers: nats per character.
    message: str
    #: What to do.
    fix: str

    def __str__(self) -> str:
        return f"{self.name}: {self.message}. {self.fix[:1].upper()}{self.fix[1:]}."


@checked
def diagnose(snapshot: Snapshot, config: TrainerConfig) -> Diagnosis | None:
    """The most urgent symptom of a run, or None. Not that of a failure, which ``snapshot.message`` explains."""
    if not len(snapshot.history.steps) or snapshot.status == "failed":
        return None
    return (
        _exploding(snapshot, config)
        or _memorizing(snapshot)
        or _overfitting(snapshot)
        or _vanishing(snapshot)
        or _not_learning(snapshot, config)
        or _plateau(snapshot)
        or _slow(snapshot, config)
    )


@checked
def repetition(sample: str, text: str) -> Diagnosis | None:
    """Whether a sample ends in a loop, saying again and again what ``text``, which the network learns, says once."""
    found = re.search(rf"(.{{1,{PIECE}}}?)\1+\Z", sample[-REPEATED:], re.DOTALL)
    if found is None or len(found[0]) < REPEATED - PIECE or found[0] in text:
        return None
    piece = found[1].strip() or found[1]
    return Diagnosis(
        "repetitive", f"the sample repeats {piece!r}", "raise the temperature; or train for longer, on more text"
    )


def _exploding(snapshot: Snapshot, config: TrainerConfig) -> Diagnosis | None:
    history = snapshot.history
    now = _now(snapshot)
    lowest, start = float(history.smoothed.min()), float(history.high[0])
    lost = start - lowest > LEARNED and now > (start + lowest) / 2
    if not (lost or now > start + ABOVE_START):
        return None
    clip = "" if config.optimizer.clip_norm else ", clip the gradient (clip norm 1)"
    return Diagnosis(
        "exploding",
        f"the loss rose from {lowest:.3g} to {now:.3g}",
        f"lower the learning rate to {snapshot.lr / 10:.1g}{clip}; begin again if the loss stays high",
    )


def _memorizing(snapshot: Snapshot) -> Diagnosis | None:
    train, validation = snapshot.smoothed, snapshot.val_loss
    if validation is None or train > ENTROPY or validation < max(2 * train, train + GAP):
        return None
    return Diagnosis(
        "memorizing",
        f"training loss {train:.2g}, validation {validation:.2g}: the text is learned by heart",
        "take a longer text, a smaller network, or dropout",
    )


def _overfitting(snapshot: Snapshot) -> Diagnosis | None:
    history, best = snapshot.history, snapshot.best_val
    if best is None or snapshot.val_loss is None:
        return None
    after = history.val_loss[history.val_steps > snapshot.best_step][-WORSE_EVALUATIONS:]
    span = snapshot.step / 20
    then = _mean(history, snapshot.best_step - span, snapshot.best_step + span)
    now = _mean(history, snapshot.step - 2 * span, snapshot.step)
    worse = len(after) == WORSE_EVALUATIONS and bool((after > best * (1 + WORSE)).all())
    if not (worse and now < then * (1 - WORSE)):
        return None
    return Diagnosis(
        "overfitting",
        f"validation rose from {best:.3g} to {snapshot.val_loss:.3g} while training fell",
        f"stop: the weights of step {snapshot.best_step:,} are kept; or take more text, dropout, or a smaller network",
    )


def _vanishing(snapshot: Snapshot) -> Diagnosis | None:
    history = snapshot.history
    norms = history.norm_high[history.steps > snapshot.step * 19 / 20]
    if not len(norms) or snapshot.step < VANISHED_STEPS or _now(snapshot) < UNKNOWN or not (norms < VANISHED).all():
        return None
    return Diagnosis(
        "vanishing",
        f"the gradient's norm is {norms.max():.1g}, but the loss is still {_now(snapshot):.3g}",
        "begin again with a lower learning rate, a forget bias of 1, and an LSTM or GRU rather than an RNN",
    )


def _not_learning(snapshot: Snapshot, config: TrainerConfig) -> Diagnosis | None:
    now, start = _now(snapshot), float(snapshot.history.high[0])
    if snapshot.step < STUCK_STEPS or start - now > FALLEN * start:
        return None
    low, high = USUAL_RATES[config.optimizer.kind]
    if snapshot.lr < low:
        fix = f"raise the learning rate to {low:g}"
    elif snapshot.lr > high:
        fix = f"lower the learning rate to {high:g}"
    else:
        fix = "take a larger network, and a forget bias of 1"
    return Diagnosis("not learning", f"after {snapshot.step:,} steps the loss is still {now:.3g}", fix)


def _plateau(snapshot: Snapshot) -> Diagnosis | None:
    history, last = snapshot.history, snapshot.step
    if last < PLATEAU_STEPS or snapshot.smoothed < KNOWN:
        return None
    before = _mean(history, last / 2, last * 3 / 4)
    now = _mean(history, last * 3 / 4, last)
    if not now > before * (1 - IMPROVED):
        return None
    return Diagnosis(
        "plateau",
        f"the loss has been {now:.3g} for {last // 2:,} steps",
        f"lower the learning rate to {snapshot.lr / 3:.1g}, or take a larger network",
    )


def _slow(snapshot: Snapshot, config: TrainerConfig) -> Diagnosis | None:
    speed = snapshot.chars_per_second
    seconds = config.batch_size * config.seq_length / speed if speed else 0.0
    if seconds < STEP_SECONDS:
        return None
    return Diagnosis(
        "slow", f"a step takes {seconds:.2g} seconds", "take fewer units, a shorter seq length, or more threads"
    )


def _now(snapshot: Snapshot) -> float:
    """The training loss now. A single high one stays in the average for long, in the last chunk only if it lasts."""
    return min(snapshot.smoothed, snapshot.loss)


def _mean(history: HistoryView, after: float, until: float) -> float:
    """The mean training loss of the buckets that end in (after, until]; NaN if there are none."""
    chosen = history.loss[(history.steps > after) & (history.steps <= until)]
    return float(chosen.mean()) if len(chosen) else math.nan
