"""Units on a text as plain text and as files: a table of all, one in detail, their values as CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np

from lstm_ext.cells.stages import Span
from lstm_ext.errors import ArgumentError
from lstm_ext.explain.units import MIN_FOLLOWED, SATURATED, CharacterMean, Followed, Units

SUFFIXES = (".csv", ".json")
#: A character that occurs less often says little about a unit.
SELDOM = 3


def saturation_names(span: Span) -> tuple[str, str]:
    """What it is called to be saturated on the left and on the right."""
    low, high = SATURATED[span]
    return ("closed", "open") if span == "gate" else (f"< {low:g}", f"> {high:g}")


def value(number: float, span: Span) -> str:
    """A gate's or a state's value: 0.125, +0.125."""
    return f"{number:.3f}" if span == "gate" else f"{number:+.3f}"


def characters(number: float) -> str:
    """A half-life: 12.3 characters."""
    if math.isinf(number):
        return "without end"
    return f"{number:.1f}" if number < 1000 else f"{number:,.0f}"


def written(character: str) -> str:
    """A character in quotes: 'e', '\\n'."""
    return repr(character)


def followed(units: Units, unit: int, character: str = "") -> list[Followed]:
    """What ``unit`` follows, ``character`` listed in any case; nothing on a text that is too short to tell."""
    return units.follows(unit, character=character) if len(units.text) >= MIN_FOLLOWED else []


def beyond_chance(found: Sequence[Followed]) -> Followed | None:
    """The best of what was found, if chance does less well."""
    return found[0] if found and abs(found[0].held_out) > found[0].chance else None


def often(units: Units, unit: int) -> list[CharacterMean]:
    """Means after characters that are not too seldom, the highest first; of a short text after all of them."""
    means = units.characters(unit)
    return [mean for mean in means if mean.count >= SELDOM] or means


def table(units: Units, order: Sequence[int], *, rows: int | None = None) -> Iterator[str]:
    """A line for each unit of ``order``, ``rows`` of them at most, below a line with the columns' names."""
    left, right = saturation_names(units.span)
    shares, half_life = units.saturation, units.half_life
    memory = "" if half_life is None else f"{'half-life':>13}"
    yield f"{'unit':>6}{'mean':>9}{'spread':>9}{left:>9}{right:>9}{memory}  follows"
    for unit in list(order)[:rows]:
        best = beyond_chance(followed(units, unit))
        memory = "" if half_life is None else f"{characters(half_life[unit]):>13}"
        follows = "-" if best is None else f"{best.signal} {best.held_out:+.2f}"
        yield (
            f"{unit:>6}{value(units.mean[unit], units.span):>9}{units.spread[unit]:>9.3f}"
            f"{shares[0][unit]:>9.0%}{shares[1][unit]:>9.0%}{memory}  {follows}"
        )
    if rows is not None and len(order) > rows:
        yield f"and {len(order) - rows:,} more"


def detail(units: Units, unit: int, character: str = "", *, width: int = 80) -> Iterator[str]:
    """One unit: its figures, its characters, what it follows, and the text with its values."""
    values, span = units.values[:, unit], units.span
    low, high = int(values.argmin()), int(values.argmax())
    yield f"mean {value(units.mean[unit], span)}, spread {units.spread[unit]:.3f}"
    for name, at in (("lowest", low), ("highest", high)):
        yield f"{name} {value(values[at], span)} after {written(units.text[at])} (character {at})"
    names = saturation_names(span)
    shares = " and ".join(
        f"{name} at {share[unit]:.0%} of the characters" for name, share in zip(names, units.saturation, strict=True)
    )
    yield shares
    if (half_life := units.half_life) is not None:
        yield f"half of its state is left after {characters(half_life[unit])} characters"
    means = often(units, unit)
    for name, some in (("highest after", means[:6]), ("lowest after", means[:-7:-1])):
        yield f"{name}: " + ", ".join(f"{written(m.character)} {value(m.mean, span)}" for m in some)
    yield from _follows(units, unit, character)
    yield ""
    yield from ruled(units.text, values, span, width=width)


def _follows(units: Units, unit: int, character: str) -> Iterator[str]:
    if len(units.text) < MIN_FOLLOWED:
        yield f"follows: too little text to tell; at least {MIN_FOLLOWED} characters are needed"
        return
    found = followed(units, unit, character)
    if not found:
        yield "follows: nothing, because it does not move"
        return
    yield "follows (correlation on the second half of the text; chosen on the first; by chance, at most)"
    for one in found:
        yield f"  {one.held_out:+.2f}  {one.chosen_on:+.2f}  {one.chance:.2f}  {one.signal}"


def ruled(text: str, values: np.ndarray, span: Span, *, width: int = 80) -> Iterator[str]:
    """``text`` in lines, and below each character its value (T,) as a digit: 0 the lowest, 9 the highest."""
    low, high = limits(values, span)
    yield f"below each character a digit, from 0 ({low:g}) to 9 ({high:g})"
    digits = np.clip((values - low) / (high - low) * 10, 0, 9).astype(int)
    for start, end in lines(text, width):
        yield "".join(character if character.isprintable() else " " for character in text[start:end]).rstrip()
        yield "".join(str(digit) for digit in digits[start:end])


def lines(text: str, width: int) -> Iterator[tuple[int, int]]:
    """Where lines of at most ``width`` characters begin and end; a line's end belongs to it."""
    cuts = [0]
    for at, character in enumerate(text, start=1):
        if character == "\n" or at - cuts[-1] == width:
            cuts.append(at)
    if cuts[-1] < len(text):
        cuts.append(len(text))
    return iter(pairwise(cuts))


def limits(values: np.ndarray, span: Span) -> tuple[float, float]:
    """The ends of a scale. Values without bounds get a round number above nearly all of them."""
    if span != "free":
        return (0.0, 1.0) if span == "gate" else (-1.0, 1.0)
    return around_zero(values, _BOUNDS)


#: Ends of scales: of states without bounds, and of what is within them.
_BOUNDS = (1.0, 2.0, 3.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0)
FINE_BOUNDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, *_BOUNDS)


def around_zero(values: np.ndarray, bounds: Sequence[float] = FINE_BOUNDS) -> tuple[float, float]:
    """The first pair of ``bounds`` that holds nearly all values."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(np.quantile(finite, 0.97)) if finite.size else 1.0
    scale = next((bound for bound in bounds if largest <= bound), largest)
    return -scale, scale


def as_dict(
    units: Units, order: Sequence[int], character: str = "", *, rows: int | None = None
) -> list[dict[str, object]]:
    """The figures of the first ``rows`` units of ``order``, for JSON."""
    left, right = units.saturation
    half_life = units.half_life
    return [
        {
            "unit": int(unit),
            "mean": float(units.mean[unit]),
            "spread": float(units.spread[unit]),
            "saturated_left": float(left[unit]),
            "saturated_right": float(right[unit]),
            "half_life": float(half_life[unit]) if half_life is not None and math.isfinite(half_life[unit]) else None,
            "follows": [vars(one) for one in followed(units, unit, character)],
        }
        for unit in list(order)[:rows]
    ]


def values_path(path: str) -> str:
    """``path``, if its suffix says how values are written. Raises ArgumentError."""
    if not path.lower().endswith(SUFFIXES):
        raise ArgumentError(f"path: got {path}, expected a name that ends in {' or '.join(SUFFIXES)}")
    return path


def values_file(path: str, units: Units) -> str:
    """All values, a row for each character and a column for each unit, as the suffix of ``path`` says."""
    if values_path(path).lower().endswith(".json"):
        return json.dumps({"text": units.text, "values": units.values.tolist()}) + "\n"
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["position", "character", *range(len(units))])
    for position, (character, row) in enumerate(zip(units.text, units.values.tolist(), strict=True)):
        writer.writerow([position, character, *row])
    return out.getvalue()
