"""lstm-lab verify: what it prints of given rows."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from cli.program import Run

from lstm_ext.verify.checks import Row


def a_row(**changes: Any) -> Row:
    row = Row("layers", "lstm", "core", "avx2", "twin", "float64", 1e-12, {"h": 2e-16, "dW": 3e-16})
    return replace(row, **changes)


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[Row]], None]:
    """Replaces what ``verify`` finds by given rows, one check for each name."""

    def checked(rows: list[Row]) -> None:
        checks = [SimpleNamespace(section=row.section, name=row.name) for row in rows]
        unique = list({check.name: check for check in checks}.values())
        monkeypatch.setattr("lstm_ext.verify._checks", lambda seed, thorough, torch: unique)
        monkeypatch.setattr(
            "lstm_ext.verify.Verification.rows",
            lambda self, check: [row for row in rows if row.name == check.name],
        )

    return checked


def test_verify_prints_every_arrays_worst_error_over_the_kernels(
    run: Run, checked: Callable[[list[Row]], None]
) -> None:
    differences = a_row(engine="twin", kernel=None, reference="differences", bound=1e-6, errors={"dW": 4e-11})
    checked([a_row(), a_row(kernel="avx512", errors={"h": 5e-16, "dW": 0.0}), differences])
    status, out, err = run("verify", "--seed", "4")
    assert (status, err) == (0, "")
    heading, name, core, twin = out.split("\n")[1:5]
    assert heading.split() == ["layers", "h", "c", "gates", "extra", "dx", "dh0", "dc0", "dW", "db", "dp"]
    assert name.split() == ["lstm", "pass"]
    assert core.split() == ["core", "twin", "f64", "5e-16", "3e-16"]
    assert twin.split() == ["twin", "numeric", "f64", "4e-11"]
    assert core.index("3e-16") == twin.index("4e-11") == heading.index("dW") - 3  # each in its array's column
    assert re.search(r"^core avx2 +twin +f64 +3e-16 +1e-12 +layers, lstm: dW$", out, re.M)
    assert re.search(r"^core avx512 +twin +f64 +5e-16 +1e-12 +layers, lstm: h$", out, re.M)
    assert re.search(r"^PASS +3 comparisons in \d+ s, seed 4", out, re.M)
    assert max(map(len, out.split("\n"))) <= 80
    assert "\x1b" not in out


def test_verify_shows_on_a_terminal_how_far_it_is(
    run: Run, checked: Callable[[list[Row]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    checked([a_row(), a_row(name="gru")])
    _, out, _ = run("verify")
    assert "layers: gru" in out and "1/2" in out and "\x1b[2K" in out


def test_verify_fails_loudly_and_names_the_kernel(run: Run, checked: Callable[[list[Row]], None]) -> None:
    bad = a_row(kernel="avx512", errors={"h": math.nan, "dW": 3e-4, "db": 1e-13})
    checked([a_row(), bad, a_row(name="gru", errors={}, problem="RuntimeError: out of luck")])
    status, out, _ = run("verify")
    assert status == 1
    assert re.search(r"^lstm +FAIL\n core twin +f64 +nan +3e-04 +1e-13", out, re.M)
    assert "   FAIL core avx512 against twin, float64: h nan, dW 3e-04, the bound is 1e-12\n" in out
    assert "FAIL core avx2 against" in out  # the gru's
    assert re.search(r"^gru +FAIL\n(.*\n) +FAIL .*: RuntimeError: out of luck$", out, re.M)
    assert re.search(r"^core avx512 .* nan +1e-12 +layers, lstm: h$", out, re.M)
    assert "FAIL (2)  3 comparisons" in out
    status, out, _ = run("verify", "--json")
    found = json.loads(out)
    assert (status, found["passed"], [row["passed"] for row in found["rows"]]) == (1, False, [True, False, False])
    assert found["rows"][1]["errors"] == {"h": None, "dW": 3e-4, "db": 1e-13}
