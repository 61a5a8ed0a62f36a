"""The handbook's texts: links that lead somewhere, terms in order, papers that are listed, searching."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from lstm_ext.cells import CELLS
from lstm_ext.errors import ArgumentError
from lstm_ext.experiments import NAMES
from lstm_ext.train.diagnosis import Symptom
from lstm_lab.app.modes import MODES
from lstm_lab.exercises.catalogue import exercises
from lstm_lab.handbook.search import plain, search
from lstm_lab.handbook.topics import CONTENT, Topic, command, find, glossary, links, topics

ROOT = Path(__file__).resolve().parents[2]
#: "Gers and Schmidhuber 2000", "Cho et al. 2014", "(Elman 1990)"
CITED = re.compile(r"([A-Z]\w+)(?: et al\.| and [A-Z]\w+)? \(?((?:19|20)\d\d)\b")


def test_every_file_is_a_topic_and_every_topic_has_a_file() -> None:
    assert {path.stem for path in CONTENT.glob("*.md")} == set(topics()) - {"glossary"}
    assert len({topic.title for topic in topics().values()}) == len(topics())


@pytest.mark.parametrize("topic", topics().values(), ids=lambda topic: topic.id)
def test_every_link_leads_somewhere(topic: Topic) -> None:
    screens = {mode.id for mode in MODES}
    for label, target in links(topic.markdown()):
        kind, _, rest = target.partition(":")
        if not rest:
            id, _, heading = target.partition("#")
            assert id in topics(), (label, target)
            assert not heading or heading in [section.heading for section in topics()[id].sections()], (label, target)
        elif kind == "step":
            cell, *options = rest.split()
            assert cell in CELLS and set(options) <= set(CELLS[cell].switches)  # type: ignore[index]
        else:
            assert rest in {"screen": screens, "exercise": exercises(), "experiment": NAMES}[kind], (label, target)
        assert command(target).startswith("lstm-lab")


@pytest.mark.parametrize("topic", topics().values(), ids=lambda topic: topic.id)
def test_texts_keep_to_what_is_drawn(topic: Topic) -> None:
    """No links or marks in tables, whose rows are written as they are; no line wider than a page of 53 in code."""
    text, code = topic.markdown(), False
    for line in text.splitlines():
        code ^= line == "```"
        assert not (line.startswith("|") and re.search(r"\]\(|`|\*\*", line)), line
        assert not (code and len(line) > 60), line
    assert "{{" not in text and "}}" not in text


def test_every_screen_has_its_topic() -> None:
    assert {mode.topic for mode in MODES} <= set(topics())


def test_every_symptom_of_the_diagnosis_is_explained() -> None:
    headings = {section.heading for section in topics()["symptoms"].sections()}
    assert {symptom.capitalize() for symptom in get_args(Symptom)} <= headings


def test_every_experiment_and_cell_is_named() -> None:
    targets = {target for _, target in links(topics()["experiments"].markdown())}
    assert {f"experiment:{name}" for name in NAMES} <= targets
    assert set(CELLS) <= set(topics())


def test_every_paper_that_is_cited_is_listed() -> None:
    listed = topics()["references"].markdown().split("\n- ")[1:]
    cited = {
        (name, year)
        for topic in topics().values()
        if topic.id != "references"
        for name, year in CITED.findall(topic.markdown().replace("\n", " "))
        if name not in ("LSTM", "CoNLL")
    }
    assert len(cited) >= 25
    for name, year in cited:
        assert any(entry.startswith(f"{name},") and f"({year})" in entry.replace("\n ", "") for entry in listed), name
    assert listed == sorted(listed, key=str.casefold)


def test_papers_that_the_library_names_are_listed() -> None:
    entries = topics()["references"].markdown().split("\n- ")
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "lstm_ext" / "cells").glob("*.py"))
    cited = CITED.findall(" ".join(sources.split()))
    assert ("Hochreiter", "1997") in cited
    for name, year in cited:
        assert any(f"{name}," in entry and f"({year})" in entry for entry in entries), (name, year)


def test_terms_are_said_once_and_where_to_see_them() -> None:
    names = [term.name for term in glossary()]
    assert len(set(names)) == len(names) >= 60
    assert all(term.see and term.text.endswith(".") for term in glossary())


def test_topics_are_found_by_id_and_by_the_beginning_of_their_title() -> None:
    assert find("lstm") is topics()["lstm"] and find(" Gates as ") is topics()["gates"]
    with pytest.raises(ArgumentError, match="did you mean gradients"):
        find("gradientz")
    with pytest.raises(ArgumentError, match="lists them"):
        find("zzz")


# Searching.


@pytest.mark.parametrize(
    ("words", "topic", "heading"),
    [
        ("peep", "lstm", "Peepholes"),
        ("learning rate", "hyperparameters", "Learning rate"),
        ("explod", "gradients", "Exploding"),
        ("CHRONO", "biases", "Chrono"),
        ("perplexity", "loss", ""),
        ("teacher forcing", "glossary", "teacher forcing"),
        ("σ tanh", "gates", "σ for valves, tanh for values"),
    ],
)
def test_the_best_place_comes_first(words: str, topic: str, heading: str) -> None:
    best = search(words)[0]
    assert (best.topic.id, best.heading) == (topic, heading)


def test_every_word_has_to_begin_a_word() -> None:
    assert search("forget") and search("forget bias")
    assert {hit.topic.id for hit in search("forget bias")} < {hit.topic.id for hit in search("bias")}
    assert search("orget") == [] and search("qqqq") == [] and search("  ") == [] and search("(") is not None


def test_excerpts_show_what_was_found() -> None:
    for hit in search("clip"):
        assert "clip" in hit.excerpt.casefold() or "clip" in hit.heading.casefold()
        assert "\n" not in hit.excerpt and len(hit.excerpt) <= 103


def test_plain_text_has_no_signs() -> None:
    markdown = "## A\n\n`b` **c** [d](e)\n\n- x - y\n1. z\n\n```\n2*x*y\n```\n\n| f | g |\n|---|---:|\n| 1 | 2 |\n"
    assert plain(markdown) == "A b c d x - y z 2*x*y f g 1 2"
