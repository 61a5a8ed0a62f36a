"""How far back can a recurrent network remember, and what decides it?"""

from __future__ import annotations

import numpy as np

from ..tasks.first_character import FILLERS, FirstCharacter
from .charts import Curve, LineChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import Learner, language_model, learn_symbols
from .words import listed

#: Name → cell, initialization, forget bias. For chrono, T is the sequence's length.
STARTS: dict[str, tuple[str, str, float]] = {
    "LSTM chrono": ("lstm", "chrono", 0.0),
    "GRU chrono": ("gru", "chrono", 0.0),
    "LSTM b_f = 5": ("lstm", "uniform", 5.0),
    "LSTM b_f = 3": ("lstm", "uniform", 3.0),
    "LSTM b_f = 1": ("lstm", "uniform", 1.0),
    "LSTM b_f = 0": ("lstm", "uniform", 0.0),
    "GRU": ("gru", "uniform", 0.0),
    "RNN": ("rnn", "uniform", 0.0),
}
DISTANCES = (5, 10, 20, 50, 100, 200)
QUICK_DISTANCES = (5, 20, 50, 100)
#: Only these are tried with other fillers than separate noise.
CONTRASTED = ("LSTM chrono", "LSTM b_f = 1", "RNN")
#: The chart has room for seven; the one left out lies between its neighbours.
CHARTED = tuple(start for start in STARTS if start != "LSTM b_f = 3")
#: A network has solved a distance if its median accuracy is at least this.
SOLVED = 0.99


class Memory(Experiment):
    name = "memory"
    question = "How far back can a recurrent network remember, and what decides it?"
    method = """
        First-character memory: one of ten symbols, then fillers, then a query, at which the network has to
        repeat the symbol. The distance is the number of fillers. They are noise from five separate symbols
        unless the row says otherwise: always the same blank, or the answers' own alphabet. Every batch is new,
        32 sequences from a zero state; 32 units, Adam at a learning rate of 0.01, gradients clipped to norm 1.
        Training ends when 99.9 % of an unseen batch of 500 are right, or after 1500 updates (--quick: 1000).
        The accuracy is measured on another 500. Starts: b_f = k is a forget bias of k with all other biases 0;
        chrono (Tallec and Ollivier 2018) draws b_f = ln U(1, T−1) and sets b_i = −b_f, where T is the
        sequence's length, and does the same for the GRU's update gate.
    """

    def variants(self, quick: bool) -> dict[str, Settings]:
        limit = 1000 if quick else 1500
        distances = QUICK_DISTANCES if quick else DISTANCES
        runs = [(start, distance, "noise") for start in STARTS for distance in distances]
        runs += [(s, n, f) for f in ("blank", "same") for s in CONTRASTED for n in _contrast_distances(quick)]
        return {_label(*one): self._settings(*one, limit) for one in runs}

    def _settings(self, start: str, distance: int, filler: str, limit: int) -> Settings:
        cell, init, forget_bias = STARTS[start]
        return {
            "start": start,
            "cell": cell,
            "init": f"chrono:{distance + 2}" if init == "chrono" else init,
            "forget_bias": forget_bias,
            "distance": distance,
            "filler": filler,
            "limit": limit,
            "hidden_size": 32,
            "lr": 0.01,
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        task = FirstCharacter(settings["distance"], settings["filler"])
        model = language_model(
            settings["cell"], task, settings["hidden_size"], seed, settings["init"], settings["forget_bias"]
        )
        learned = learn_symbols(Learner(model), task, seed, lr=settings["lr"], limit=settings["limit"])
        return {"accuracy": learned.accuracy, "updates": learned.steps}

    def report(self, results: Results) -> Report:
        distances = QUICK_DISTANCES if results.quick else DISTANCES
        chance = FirstCharacter(1).baselines()["chance"]
        rows, updates, curves, reach = [], [], [], {}
        for start in STARTS:
            labels = [f"{start} at {distance}" for distance in distances]
            spreads = [results.spread(label, "accuracy") for label in labels]
            medians = [spread.median for spread in spreads]
            rows.append([start, *(spread.text(".2f") for spread in spreads)])
            updates.append([start, *(results.spread(label, "updates").text(".0f") for label in labels)])
            reach[start] = max((d for d, m in zip(distances, medians, strict=True) if m >= SOLVED), default=0)
            if start in CHARTED:
                curves.append(Curve(start, distances, medians, [s.low for s in spreads], [s.high for s in spreads]))
        rows.append(["chance", *(f"{chance:.2f}" for _ in distances)])
        columns = ["start", *(str(distance) for distance in distances)]
        fillers = _contrast_distances(results.quick)
        contrast = [
            [f"{start}, {filler}", *(results.spread(_label(start, n, filler), "accuracy").text(".2f") for n in fillers)]
            for start in CONTRASTED
            for filler in FILLERS
        ]
        return Report(
            tables=[
                Table("accuracy on unseen sequences, by distance", columns, rows),
                Table("updates until learned, by distance", columns, updates),
                Table("accuracy by filler and distance", ["start, filler", *map(str, fillers)], contrast),
            ],
            charts=[
                LineChart(
                    "accuracy on unseen sequences",
                    "distance (fillers between symbol and query)",
                    curves,
                    {"chance": chance},
                    y_range=(0.0, 1.05),
                )
            ],
            findings=self._findings(reach, max(distances)),
            claims=self._claims(results),
        )

    def _findings(self, reach: dict[str, int], farthest: int) -> list[str]:
        lstm = [distance for start, distance in reach.items() if start.startswith("LSTM")]
        best = [start for start, distance in reach.items() if distance == max(reach.values())]
        sentences = [
            f"The farthest distance solved (median accuracy at least {SOLVED}), of {farthest} tried: "
            + ", ".join(f"{start} {distance or 'none'}" for start, distance in reach.items())
            + "."
        ]
        if max(lstm) > min(lstm):
            sentences.append(
                f"The same LSTM reaches {min(lstm) or 'no distance'} or {max(lstm)}, depending on its initial biases."
            )
        sentences.append(
            f"With the usual b_f = 1 it reaches {reach['LSTM b_f = 1'] or 'none'}, "
            f"a plain RNN {reach['RNN'] or 'none'}; farthest of all: {listed(best)}."
        )
        return sentences

    def _claims(self, results: Results) -> list[Claim]:
        def learned(start: str, distance: int) -> tuple[int, str]:
            """How many seeds solved it, as a number and as text."""
            count = int(np.count_nonzero(results.values(f"{start} at {distance}", "accuracy") >= SOLVED))
            return count, f"{start} in {count} of {len(results.seeds)} runs"

        easy, easily = learned("LSTM b_f = 1", 50)
        chrono = learned("LSTM chrono", 50)[1]
        rnn, rnn_words = learned("RNN", 20)
        lstm_100, gru_100, rnn_100 = (learned(start, 100) for start in ("LSTM b_f = 0", "GRU", "RNN"))
        gated_wins = min(lstm_100[0], gru_100[0]) > max(rnn_100[0], len(results.seeds) // 2)
        return [
            Claim(
                "Exercises: Understanding LSTM Networks, exercise 4",
                "An LSTM handles 50 steps and more easily.",
                f"{'Held' if easy == len(results.seeds) else 'Not from the usual start'}. "
                f"At 50, learned: {easily}, {chrono}.",
            ),
            Claim(
                "Exercises: Understanding LSTM Networks, exercise 4; LSTM Cheatsheet",
                "A plain RNN fails beyond 10 steps.",
                f"{'Did not hold' if rnn else 'Held'}. At 20, learned: {rnn_words}.",
            ),
            Claim(
                "Day 14: LSTM and GRU Networks, section 6",
                "LSTM and GRU keep a high accuracy on long sequences, a plain RNN struggles.",
                f"{'Held' if gated_wins else 'Did not hold for gates alone'}. "
                f"At 100, learned: {lstm_100[1]}, {gru_100[1]}, {rnn_100[1]}; {learned('LSTM chrono', 100)[1]}, "
                f"{learned('GRU chrono', 100)[1]}.",
            ),
        ]


def _contrast_distances(quick: bool) -> tuple[int, ...]:
    return (20, 100) if quick else (20, 50, 100)


def _label(start: str, distance: int, filler: str) -> str:
    return f"{start} at {distance}" + ("" if filler == "noise" else f", {filler}")


EXPERIMENT = Memory
