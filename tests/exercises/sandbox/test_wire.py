"""Plain data that cross from a process that is not trusted: unchanged, or refused."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lstm_lab.exercises.grading.recording import Crash, Observed, Recording, Signature
from lstm_lab.exercises.sandbox.records import (
    plain_recording,
    plain_signature,
    read_crash,
    read_recording,
    read_signature,
)
from lstm_lab.exercises.sandbox.wire import HEAD, PlainData, TooLarge, WireError, decode, encode, size_of

SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text()
PLAIN = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
NUMBERS = arrays.arrays(
    st.sampled_from([np.bool_, np.int8, np.uint64, np.float16, np.float64, ">f4", np.complex128]),
    arrays.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=4),
)


def _frame(text: str, data: bytes = b"") -> bytes:
    return struct.pack(">II", len(text), len(data)) + text.encode() + data


@given(PLAIN)
def test_plain_data_cross_unchanged(value: PlainData) -> None:
    frame = encode(value)
    assert size_of(frame[:HEAD]) == len(frame) - HEAD
    assert decode(frame) == value


@given(st.lists(NUMBERS, max_size=3))
def test_arrays_cross_bit_by_bit(values: list[np.ndarray]) -> None:  # type: ignore[type-arg]
    for back, value in zip(decode(encode(values)), values, strict=True):
        assert back.shape == value.shape
        assert back.dtype == value.dtype.newbyteorder("=")
        assert back.tobytes() == value.astype(back.dtype).tobytes()


def test_tuples_and_numpys_numbers_become_pythons() -> None:
    back = decode(encode((np.float64(0.5), np.int32(3), np.bool_(True))))
    assert back == [0.5, 3, True] and [type(part) for part in back] == [float, int, bool]


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"a": {2, 3}}, 2**64, np.array(["a"]), np.array([object()]), np.datetime64("2020"), b"bytes"],
)
def test_what_is_not_plain_is_refused(value: object) -> None:
    with pytest.raises(WireError) as caught:
        encode(value)
    assert not isinstance(caught.value, TooLarge)


def test_nesting_ends_somewhere() -> None:
    knot: list[object] = []
    knot.append(knot)
    with pytest.raises(WireError, match="nested"):
        encode(knot)


def test_what_is_too_large_is_told_apart() -> None:
    with pytest.raises(TooLarge, match="80 MB"):
        encode(np.zeros(10_000_000))
    with pytest.raises(TooLarge, match="characters"):
        encode("x" * 5_000_000)


@given(st.binary(max_size=200))
def test_noise_is_refused_and_nothing_worse(noise: bytes) -> None:
    for frame in (noise, struct.pack(">II", len(noise), 0) + noise):
        try:
            decode(frame)
        except WireError:
            continue
        json.loads(frame[HEAD:])  # only what is right is read


@pytest.mark.parametrize(
    "frame",
    [
        _frame("[[],{}]"),
        _frame('[[],{"array":0}]'),
        _frame('[[],{"dict":[]}]'),
        _frame('[[],{"dict":{},"array":0}]'),
        _frame('[[],{"other":1}]'),
        _frame('[[["|O8",[1]]],{"array":0}]', b"12345678"),
        _frame('[[["<f8",[-1]]],{"array":0}]'),
        _frame('[[["<f8",[2]]],{"array":0}]', b"12345678"),
        _frame('[[["<f8",[1]]],{"array":true}]', b"12345678"),
        _frame('[[["<f8",[1]]],{"array":-1}]', b"12345678"),
        _frame('[[["<f8",[1.0]]],{"array":0}]', b"12345678"),
        _frame('[[["<f8",[1]]],{"array":0}]', b"1234567890"),
        _frame('[[["<f8",[0,60000000,60000000]]],{"array":0}]', b"1"),
        _frame("[[]," + "9" * 100_000 + "]"),
        _frame("[[]," + "[" * 50_000 + "]" * 50_000 + "]"),
        _frame("[[]," + "[" * 40 + "]" * 40 + "]"),
        _frame("[1,2,3]"),
        _frame("null"),
        b"",
    ],
)
def test_forged_frames_are_refused(frame: bytes) -> None:
    with pytest.raises(WireError):
        decode(frame)


def test_lengths_are_judged_before_anything_is_read() -> None:
    with pytest.raises(WireError):
        size_of(struct.pack(">II", 2**31, 0))
    with pytest.raises(WireError):
        size_of(struct.pack(">II", 0, 2**31))


RECORDING = Recording(
    {
        "h": Observed("array", "ndarray", "forward(x)", np.array([[1.0, np.nan]]), "float32"),
        "n": Observed("array", "int", "forward(x)", np.array(3, np.uint64), "uint64"),
        "c": Observed("missing", "", "forward(x)", text="None"),
    },
    ["x of forward(x)"],
    [],
    ["what f() had returned"],
    {"loss": 0.5},
    "printed",
    Crash("raised", "ValueError: no", 3, "x = 1", "f()"),
)


def test_a_recording_crosses_unchanged() -> None:
    back = read_recording(decode(encode(plain_recording(RECORDING))))
    for name, value in RECORDING.values.items():
        np.testing.assert_array_equal(back.values[name].array, value.array)
        assert (back.values[name].kind, back.values[name].dtype) == (value.kind, value.dtype)
    back.values = RECORDING.values
    assert back == RECORDING


def test_a_signature_crosses_unchanged() -> None:
    found = Signature(True, True, 1, -1, "", "x")
    assert read_signature(decode(encode(plain_signature(found)))) == found


@given(st.data())
def test_a_recording_with_one_part_replaced_is_refused_or_a_recording(data: st.DataObject) -> None:
    plain = decode(encode(plain_recording(RECORDING)))
    target: PlainData = plain
    for _ in range(data.draw(st.integers(0, 2))):
        inner = [part for part in target if isinstance(part, list) and part]
        target = data.draw(st.sampled_from(inner)) if inner else target
    target[data.draw(st.integers(0, len(target) - 1))] = data.draw(PLAIN | NUMBERS)
    try:
        back = read_recording(plain)
    except WireError:
        return
    assert all(isinstance(value, Observed) for value in back.values.values())
    assert all(isinstance(text, str) for text in [*back.mutated, *back.aliased, *back.overwritten, back.printed])
    assert back.crash is None or isinstance(back.crash, Crash)


@pytest.mark.parametrize(
    "plain", [1, [], ["raised", "m", 1, "s"], ["odd", "m", 1, "s", "c"], ["raised", "m", True, "s", "c"]]
)
def test_a_crash_of_another_form_is_refused(plain: PlainData) -> None:
    with pytest.raises(WireError):
        read_crash(plain)
