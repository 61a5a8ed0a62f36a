"""Does a tagger of names need to look in both directions?"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ..engine.config import OptimizerConfig
from ..nn import Batch, Optimizer, Tagger, fit, shuffled
from ..tasks.bio import OUTSIDE, first_invalid, span_scores
from ..tasks.conll import Sentence, read_conll
from ..tasks.entities import Coder, EntityCorpus, most_frequent_tags
from .charts import Bar, BarChart
from .experiment import Claim, Experiment, Numbers, Report, Results, Settings, Table
from .learning import generator
from .words import listed

NETWORKS: dict[str, dict[str, Any]] = {
    "RNN": {"cell": "rnn"},
    "LSTM": {"cell": "lstm"},
    "BiRNN": {"cell": "rnn", "bidirectional": True},
    "BiGRU": {"cell": "gru", "bidirectional": True},
    "BiLSTM": {"cell": "lstm", "bidirectional": True},
}
#: The share of training words that is read as the unknown word, so that the network learns to tag unknown words.
UNKNOWN = 0.1
#: Sentences of the generated corpus to learn from and to test on; the share at a file's end to test on.
TRAIN, TEST, TEST_SHARE = 1000, 500, 0.2


class Ner(Experiment):
    name = "ner"
    question = "Does a tagger of names need to look in both directions?"
    method = """
        Sentences with people, places and organisations, one BIO tag for each word, scored as spans: only a
        span with the right beginning, end and type counts (F1, as in CoNLL). The corpus is made up: 1000
        sentences to learn from and 500 to test on. Half of the names stand alone and could be of any type,
        which often only the words after them show; a quarter of the names in the test never occur in training.
        --data reads a file in CoNLL's format instead, and tests on its last fifth. Embeddings of 32, 32 units
        per direction, dropout 0.2, a tenth of the training words read as unknown; 32 sentences per update,
        Adam at 0.005, gradients clipped to norm 5. The baseline gives each word the tag that it had most
        often.
    """
    reads = "a file in CoNLL's format: a word and its BIO tag per line, an empty line after each sentence"

    def variants(self, quick: bool) -> dict[str, Settings]:
        source = {} if self.data is None else {"data": self.data, "words": sum(len(s.words) for s in _file(self.data))}
        return {
            network: {
                **source,
                "network": network,
                "updates": 300 if quick else 1000,
                "embedding_size": 32,
                "hidden_size": 32,
                "dropout": 0.2,
                "lr": 0.005,
            }
            for network in NETWORKS
        }

    def measure(self, settings: Settings, seed: int) -> Numbers:
        train, test = self._sentences(seed)
        coder = Coder(train)
        model = Tagger(
            len(coder.words),
            settings["hidden_size"],
            len(coder.tags),
            embedding_size=settings["embedding_size"],
            dropout=settings["dropout"],
            **NETWORKS[settings["network"]],
        ).build(seed=seed)
        optimizer = Optimizer(model, OptimizerConfig(clip_norm=5.0), lr=settings["lr"])
        fit(model, _batches(coder, train, seed), optimizer, steps=settings["updates"], seed=seed)
        asked = coder.encode(test)
        tags = coder.decode(model.predict(asked.inputs, asked.lengths))
        true = [sentence.tags for sentence in test]
        counted = span_scores(true, most_frequent_tags(train, test))["all"]
        known = {word for sentence in train for word in sentence.words}
        scores = span_scores(true, tags)
        numbers: Numbers = {
            "parameters": model.num_parameters,
            "precision": scores["all"].precision,
            "recall": scores["all"].recall,
            "baseline F1": counted.f1,
            "invalid": float(np.mean([first_invalid(own) is not None for own in tags])),
            "words right": _words_right(true, tags),
            "always O": _words_right(true, [[OUTSIDE] * len(own) for own in true]),
            "unseen words": float(np.mean([word not in known for sentence in test for word in sentence.words])),
        }
        return numbers | {f"F1 {kind}": score.f1 for kind, score in scores.items()}

    def _sentences(self, seed: int) -> tuple[list[Sentence], list[Sentence]]:
        """To learn from, and to test on."""
        if self.data is None:
            corpus = EntityCorpus()
            return corpus.sentences(generator(seed, 1), TRAIN), corpus.sentences(generator(seed, 2), TEST, test=True)
        sentences = _file(self.data)
        cut = int(len(sentences) * (1 - TEST_SHARE))
        return sentences[:cut], sentences[cut:]

    def report(self, results: Results) -> Report:
        first = results.cells["LSTM", results.seeds[0]]
        kinds = [name.removeprefix("F1 ") for name in first if name.startswith("F1 ") and name != "F1 all"]
        rows = []
        for network in NETWORKS:
            row = [network, f"{results.median(network, 'parameters'):,.0f}"]
            row += [results.spread(network, f"F1 {kind}").text(".3f") for kind in ("all", *kinds)]
            row += [results.spread(network, metric).text(".1%") for metric in ("invalid", "words right")]
            rows.append(row)
        baseline, outside = (results.median("LSTM", metric) for metric in ("baseline F1", "always O"))
        rows.append(["most frequent tag", "", f"{baseline:.3f}", *("" for _ in kinds), "", ""])
        rows.append(["always O", "", "0.000", *("" for _ in kinds), "", f"{outside:.1%}"])
        columns = ["network", "parameters", "F1", *(f"F1 {kind}" for kind in kinds), "invalid tags", "words right"]
        return Report(
            tables=[Table("on sentences that were not learned from", columns, rows)],
            charts=[
                BarChart(
                    "F1 of whole spans",
                    [Bar(network, *results.spread(network, "F1 all")) for network in NETWORKS],
                    {"most frequent tag": baseline},
                )
            ],
            findings=self._findings(results, baseline, outside),
            claims=self._claims(results, baseline),
        )

    def _findings(self, results: Results, baseline: float, outside: float) -> list[str]:
        f1 = {network: results.spread(network, "F1 all") for network in NETWORKS}
        both, one = f1["BiLSTM"], f1["LSTM"]
        best = max(f1.values(), key=lambda spread: spread.median).median
        apart = both.low > one.high
        return [
            f"Reading in both directions takes the LSTM from F1 {one.median:.3f} to {both.median:.3f}"
            f"{' in every run' if apart else ', though the runs overlap'}; the most frequent tag of each word gives "
            f"{baseline:.3f}.",
            f"Best: {listed([network for network, spread in f1.items() if spread.median == best])}.",
            f"Tagging everything O gets {outside:.0%} of the words right and an F1 of 0: "
            "the share of right words says little.",
        ]

    def _claims(self, results: Results, baseline: float) -> list[Claim]:
        f1 = {network: results.median(network, "F1 all") for network in NETWORKS}
        directions = f1["BiLSTM"] - f1["LSTM"]
        cells = f1["BiLSTM"] - f1["BiRNN"]
        return [
            Claim(
                "Day 14: LSTM and GRU Networks, exercise 4; Exercises: Understanding LSTM Networks, challenges 1 and 5",
                "A BiLSTM suits named entities.",
                f"{'Held' if directions > 0.01 else 'Did not hold'}: {directions:+.3f} F1 for the second direction; "
                f"the cell adds {cells:+.3f} (BiLSTM against BiRNN). Baseline {baseline:.3f}.",
            )
        ]


@functools.cache
def _file(path: str) -> list[Sentence]:
    return read_conll(path, repair=True)


def _batches(coder: Coder, train: list[Sentence], seed: int) -> Iterator[Batch]:
    """Endless; some words of each batch are read as unknown."""
    rng = generator(seed, 3)
    for chosen in shuffled(len(train), 32, seed=seed):
        batch = coder.encode([train[index] for index in chosen])
        hidden = (rng.random(batch.inputs.shape) < UNKNOWN) & (batch.inputs > 0)
        yield batch._replace(inputs=np.where(hidden, 1, batch.inputs).astype(np.int32))


def _words_right(true: list[Any], tags: list[list[str]]) -> float:
    return float(
        np.mean([a == b for own, said in zip(true, tags, strict=True) for a, b in zip(own, said, strict=True)])
    )


EXPERIMENT = Ner
