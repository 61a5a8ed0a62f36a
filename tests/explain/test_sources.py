"""The lines of C and NumPy beside each stage: they are there, each piece stands once, and they name the quantity."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from lstm_ext.cells import CELLS
from lstm_ext.cells.config import LayerConfig
from lstm_ext.errors import ArgumentError
from lstm_ext.explain import sources
from lstm_ext.explain.sources import SourceLine, lines
from lstm_ext.explain.stages import UPDATE_STAGES, backward_stages, forward_stages

ROOT = Path(__file__).resolve().parents[2]
LAYERS = {
    f"{cell} {variant}".strip().replace(", ", "+").replace(" ", "-"): LayerConfig(
        cell=cell, input_size=4, hidden_size=3, **options
    )
    for cell in CELLS
    for variant, options in CELLS[cell].variants.items()
}
#: What a line that computes a quantity calls it, in C and in NumPy; an assignment to it, or what stores it.
NAMES = {
    "x": (r"p->(symbols|x)\b", r"\bx\b"),
    "h_prev": (r"h_before =", r"previous"),
    "c_prev": (r"c_before =", r"c_previous"),
    "sum": (r"gates|packed\.Ux|\.C = candidate|Wx|joint_columns|\ba[ifo] \+=|candidate\.C|extra", r"^(a|n|o)\b.*[+=]"),
    "f": (r"\bf = (vsigmoid\(af\)|splat)", r"sigmoid\(a\[:, :2\]|^f\["),
    "i": (r"\bi = ", r"sigmoid\(a\[:, :2\]|^i\[|out=i\)"),
    "g": (r"\bg = vtanh", r"out=g\)"),
    "o": (r"\bo = ", r"out=o\)|^o\["),
    "c": (r"\bct = f \* cp \+ i \* g", r"out=c\[t\]\)|^c\[t\] \+="),
    "tanh_c": (r"\btc = vtanh\(ct\)", r"out=tanh_c\[t\]"),
    "r": (r"\br = vsigmoid", r"sigmoid\(a\[:, :2\]"),
    "z": (r"vsigmoid", r"sigmoid\((a\[:, :2\]|z)"),
    "s": (r"l->extra \+ u, r \*", r"out=extra\[t\]"),
    "m": (r"candidate\.A = seen", r"^extra\[t\] ="),
    "n": (r"candidate = vtanh|Wx|gates|p->x", r"tanh\(n|^a\b"),
    "h": (r"l->h \+ u|vtanh", r"h\[t\]|acts\.output\[t\]"),
    "y": (r"m->packed\.Wy\b", r"^logits"),
    "p": (r"vexp\(load\(y \+ v\) - largest\)", r"^exponentials"),
    "loss": (r"^loss \+=", r"^nats ="),
    "dy": (r"\bdy\b", r"^d(\[| /=)"),
    "dW_y": (r"s->dlogits", r"gradients\[\"W\"\]"),
    "dh": (r"\bdh\b|s->dlogits|dh_next", r"\bdh\b"),
    "dc": (r"\bdc (=|\+=)", r"^dc_through"),
    "dm": (r"dextra", r"d_seen ="),
    "ds": (r"da \+ 2 \* H", r"^d_reset ="),
    "dW": (r"multiply_outer|add_rows", r"dWx?\b|out=dU|^dU"),
    "dh_prev": (r"back_through|dh_next|\.A = da", r"^(dh_previous|dh|d_seen)\b"),
    "dc_prev": (r"^vec dc_before =|^dc_before \+=", r"^dc_previous"),
    "total": (r"multiply_outer|add_rows", r"dWx?\b|out=dU|^dU"),
    "norm": (r"squares_of", r"np\.square\(gradient"),
    "scale": (r"^rule\.scale =", r"clip_norm / norm"),
    "step": (r"lr \* step", r"^parameters -= lr"),
    "after": (r"^return e->counted", r"nats\.mean"),
}


def stages(config: LayerConfig, symbols: bool) -> list[str]:
    known = (*forward_stages(config, symbols=symbols), *backward_stages(config), *UPDATE_STAGES)
    return [stage.id for stage in known]


def expected(stage: str) -> tuple[str, str]:
    if stage in NAMES:
        return NAMES[stage]
    if stage.startswith("a"):
        return NAMES["sum"]
    letter = stage.removeprefix("da").removeprefix("d").lstrip("_")
    if not letter:
        return r"l->da \+ u", r"^da\b"  # the RNN's only gate
    name = {"z": r"da_z =|candidate -", "n": r"da_n =|dh \* z", "r": r"da_n \* recurrent|d \* load_n"}
    in_c = name.get(letter, rf"\b(da_{letter}|d{letter}) =|\bd{letter} -=|df = ")
    return in_c, rf"slope(_{letter}|\[)|^da\["


@pytest.mark.parametrize("symbols", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_every_stage_has_its_lines_and_they_name_it(name: str, symbols: bool) -> None:
    config = LAYERS[name]
    for stage in stages(config, symbols):
        found = lines(config, stage, symbols=symbols)
        in_c, in_numpy = expected(stage)
        for engine, pattern in (("C", in_c), ("NumPy", in_numpy)):
            own = [line for line in found if line.engine == engine]
            assert own, (stage, engine)
            for line in own:
                text = (ROOT / line.file).read_text(encoding="utf-8").split("\n")[line.number - 1]
                assert text.strip() == line.text
            assert any(re.search(pattern, line.text) for line in own), (stage, pattern, own)


@pytest.mark.parametrize("name", LAYERS)
def test_every_piece_stands_in_one_line_only(name: str) -> None:
    """So it cannot be found in a wrong place."""
    config = LAYERS[name]
    own = CELLS[config.cell].code(config)
    cell = type(CELLS[config.cell])
    functions = [cell.forward, cell.backward, cell.recurrent_gradients, cell.peephole_gradients]
    twin = "".join(inspect.getsource(inspect.unwrap(function)) for function in functions)
    kernel = (ROOT / "csrc" / "kernel" / f"{config.cell}.inc.c").read_text(encoding="utf-8")
    shared = (ROOT / "csrc" / "kernel" / "layer.h").read_text(encoding="utf-8")
    for stage, code in own.items():
        for piece in code.c:
            assert kernel.count(piece) == 1 or (kernel.count(piece) == 0 and shared.count(piece) == 1), (stage, piece)
        for piece in code.numpy:
            assert twin.count(piece) == 1, (stage, piece)


def test_the_lines_are_those_that_a_reader_would_look_for() -> None:
    config = LayerConfig(cell="lstm", input_size=4, hidden_size=3)
    c, numpy = lines(config, "f")
    assert (c.engine, c.file, c.text) == ("C", "csrc/kernel/lstm.inc.c", "vec f = vsigmoid(af);")
    assert (numpy.file, numpy.text) == ("lstm_ext/cells/lstm.py", "sigmoid(a[:, :2], out=a[:, :2])")
    assert [line.text for line in lines(config, "c") if line.engine == "NumPy"] == [
        "np.multiply(f, c_previous[t], out=c[t])",
        "c[t] += i * g",
    ]


def test_without_the_c_sources_the_twin_is_still_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "_FOLDERS", (tmp_path,))
    sources._c_source.cache_clear()
    sources._in_c.cache_clear()
    try:
        found = lines(LayerConfig(cell="gru", input_size=4, hidden_size=3), "z")
        assert [line.engine for line in found] == ["NumPy"]
        assert all(isinstance(line, SourceLine) for line in found)
    finally:
        sources._c_source.cache_clear()
        sources._in_c.cache_clear()


def test_a_stage_that_there_is_not() -> None:
    with pytest.raises(ArgumentError, match="stage: got 'c'"):
        lines(LayerConfig(cell="gru", input_size=4, hidden_size=3), "c")
