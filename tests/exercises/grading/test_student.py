"""Probing code that returns, changes and raises whatever it likes."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from lstm_lab.exercises.grading.inline import execute, run_probe
from lstm_lab.exercises.grading.recording import MAX_ENTRIES, Crash, Recording, Signature, observe
from lstm_lab.exercises.grading.student import Student, StudentError, signature


def _module(source: str) -> ModuleType:
    module = ModuleType("mine")
    module.__file__ = "/nowhere/mine.py"
    assert execute(source, module) is None
    return module


def _called(source: str, *arguments: Any) -> tuple[Recording, Any]:
    """What was recorded when ``f`` of the source was called, and what it returned."""
    kept = []

    def probe(student: Student) -> None:
        kept.append(student.call(student.module.f, *arguments))

    recording = run_probe(probe, _module(source), 0)
    return recording, kept[0] if kept else None


@pytest.mark.parametrize(
    "body",
    [
        "x += 1",
        "x[0] = 5",
        "x.resize(2, refcheck=False)",
        "x.sort()",
        "x[...] = float('nan')",
    ],
)
def test_a_changed_array_is_noticed(body: str) -> None:
    recording, _ = _called(f"def f(x):\n    {body}\n", np.array([3.0, 2.0, 1.0]))
    assert recording.mutated == ["x of f(x)"]


@pytest.mark.parametrize("body", ["x.append(1)", "x[0] = x[0] * 2", "x.pop()", "x[0][0] = 9", "x[1]['a'][0] = 9"])
def test_a_changed_list_or_dictionary_is_noticed(body: str) -> None:
    recording, _ = _called(
        f"import numpy as np\ndef f(x):\n    {body}\n"
        if "append" not in body
        else "import numpy as np\ndef f(x):\n    x.append(np.ones(1))\n",
        [np.ones(2), {"a": np.zeros(1)}],
    )
    assert recording.mutated == ["x of f(x)"]


def test_nan_that_stays_is_no_change() -> None:
    recording, _ = _called("def f(x):\n    return x * 2\n", np.array([np.nan, -0.0]))
    assert (recording.mutated, recording.aliased) == ([], [])


@pytest.mark.parametrize("result", ["x", "x[:1]", "x.T", "[x]", "{'h': (x,)}", "x.reshape(1, -1)"])
def test_a_result_that_is_an_argument_is_noticed(result: str) -> None:
    recording, _ = _called(f"def f(x):\n    return {result}\n", np.ones((2, 2)))
    assert recording.aliased == ["f(x) returned x itself, or a view of it"]


def test_a_result_that_a_later_call_changes_is_noticed() -> None:
    module = _module("import numpy as np\nkept = np.zeros(2)\ndef f(x):\n    kept[:] = x\n    return kept\n")

    def probe(student: Student) -> None:
        student.call(student.module.f, 1.0)
        student.call(student.module.f, 2.0)

    assert run_probe(probe, module, 0).overwritten == ["what f(x) had returned (call 1 of this check)"]


HOSTILE = {
    "its __array__ raises": "class A:\n    def __array__(self, *a, **k): raise KeyError\n",
    "its __array__ ends the program": "class A:\n    def __array__(self, *a, **k): raise SystemExit\n",
    "its class lies": "class A:\n    __class__ = property(lambda self: 1 / 0)\n",
    "its name is no text": "class M(type):\n    __name__ = 3\nclass A(metaclass=M): pass\n",
    "it is endless": "class A:\n    def __getitem__(self, i): return 1\n    def __len__(self): return 1 / 0\n",
    "a dictionary whose values raise": "class A(dict):\n    def values(self): raise OSError\n",
    "a list that cannot be walked": "class A(list):\n    def __iter__(self): raise OSError\n",
    "a mapping that denies everything": (
        "from collections.abc import Mapping\nclass A(Mapping):\n    def __getitem__(self, k): raise OSError\n"
        "    def __iter__(self): raise OSError\n    def __len__(self): return 1\n"
        "    def __contains__(self, k): raise OSError\n"
    ),
    "an array that cannot be copied": (
        "import numpy as np\ndef A():\n    return np.ones(2).view(B)\nclass B(np.ndarray):\n"
        "    def copy(self, *a): raise OSError\n    def astype(self, *a): raise OSError\n"
        "    def __array_finalize__(self, other): self.x = 1\n    def __eq__(self, other): raise OSError\n"
    ),
    "every attribute raises": "class A:\n    def __getattribute__(self, name): raise OSError\n",
    "an array of objects": "import numpy as np\ndef A():\n    return np.array([None, object()])\n",
    "a record": "import numpy as np\ndef A():\n    return np.zeros(2, [('a', float)])\n",
    "gigantic": "import numpy as np\ndef A():\n    return np.broadcast_to(1.0, (10**6, 10**6))\n",
    "within itself": "def A():\n    a = [1]\n    a.append(a)\n    return a\n",
    "within itself, by a name": "def A():\n    a = {}\n    a['a'] = a\n    return a\n",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_results_are_recorded_or_the_learners_crash(name: str) -> None:
    module = _module(HOSTILE[name] + "def f(x):\n    return A()\n")

    def probe(student: Student) -> None:
        result = student.call(student.module.f, np.ones(2))
        for look in (
            lambda: student.see("whole", result),
            lambda: student.see_parts(["a", "b"], result),
            lambda: student.see_keys(["a", "b"], result),
            lambda: student.see_attributes(["T", "nothing"], result),
            lambda: student.fill(result, "x"),
            lambda: student.reveal("loss", result),
        ):
            try:
                look()
            except StudentError as error:
                assert error.crash.kind != "unusable"

    recording = run_probe(probe, module, 0)
    assert recording.crash is None or recording.crash.line > 0


def test_what_the_probe_cannot_work_with_is_told_with_the_call() -> None:
    def probe(student: Student) -> None:
        result = student.call(student.module.f, 1)
        result["h"].sum()

    crash = run_probe(probe, _module("def f(x):\n    return None\n"), 0).crash
    assert crash == Crash("unusable", "TypeError: 'NoneType' object is not subscriptable", call="f(x)")


def test_an_interrupt_is_not_the_learners() -> None:
    with pytest.raises(KeyboardInterrupt):
        _called("def f(x):\n    raise KeyboardInterrupt\n", 1)


@pytest.mark.parametrize(
    ("value", "dtype", "kind"),
    [
        (np.float16(0.5), "float16", "f"),
        (2**63, "uint64", "u"),
        ([True, False], "bool", "b"),
        ([[1, 2], [3, 4]], "int64", "i"),
        (1j, "complex128", "c"),
        (np.ma.masked_array([1.0], [True]), "float64", "f"),
    ],
)
def test_numbers_of_any_kind_are_arrays(value: object, dtype: str, kind: str) -> None:
    seen = observe(value, "")
    assert (seen.kind, seen.dtype) == ("array", dtype)
    assert seen.array is not None and seen.array.dtype.kind == kind
    np.testing.assert_array_equal(seen.array, np.asarray(value))


@pytest.mark.parametrize("value", [{1.0}, {"a": 1}, [[1], [1, 2]], ["a"], b"a", iter([1]), np.zeros(MAX_ENTRIES + 1)])
def test_the_rest_are_objects(value: object) -> None:
    assert observe(value, "").kind == "object"


CELL = """
class Cell:
    limit = 3
    def forward(self, x, h=None): ...
    def careless(x, h): ...
    def free(self, *args): ...
    @staticmethod
    def plain(x): ...
    @classmethod
    def made(cls, x): ...
number = 3
"""


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("Cell.forward", Signature(True, True, 1, 2)),
        ("Cell.careless", Signature(True, True, 1, 1, first="x")),
        ("Cell.free", Signature(True, True, 0, -1)),
        ("Cell.plain", Signature(True, True, 1, 1)),
        ("Cell.made", Signature(True, True, 1, 1)),
        ("Cell.limit", Signature(True)),
        ("Cell.foward", Signature(False, similar="forward")),
        ("number.forward", Signature(False)),
        ("Cel", Signature(False, similar="Cell")),
    ],
)
def test_names_and_signatures(name: str, wanted: Signature) -> None:
    assert signature(_module(CELL), name) == wanted


def test_a_name_whose_lookup_raises_is_the_learners_crash() -> None:
    module = _module("def __getattr__(name):\n    raise ValueError(name)\n")
    with pytest.raises(StudentError, match="ValueError: f"):
        signature(module, "f")
