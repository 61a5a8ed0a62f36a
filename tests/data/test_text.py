"""Texts: what is read, what is refused and how, and how they are cut into lanes."""

from __future__ import annotations

import builtins
import errno
import hashlib
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lstm_ext.data import BUILTIN, Lanes, Text, Vocabulary, load_text, split
from lstm_ext.data import text as data
from lstm_ext.errors import DataError


def decoded(text: Text) -> str:
    return text.vocabulary.decode(text.symbols)


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are read three bytes at a time, and none is small enough for memory."""
    monkeypatch.setattr(data, "READ_SIZE", 3)
    monkeypatch.setattr(data, "IN_MEMORY", 0)


# ------------------------------------------------------------------ vocabulary


def test_each_character_once_and_sorted() -> None:
    assert Vocabulary("hello").symbols == "ehlo"
    assert len(Vocabulary("hello")) == 4
    assert Vocabulary("hello") == Vocabulary("olleh")
    assert Vocabulary("hello").encode("hello").tolist() == [1, 0, 2, 2, 3]
    assert Vocabulary("hello").encode("").shape == (0,)


@given(st.text(st.characters(exclude_categories=[]), min_size=1))
def test_encode_and_decode_are_inverse(text: str) -> None:
    vocabulary = Vocabulary(text)
    symbols = vocabulary.encode(text)
    assert symbols.dtype == np.int32
    assert vocabulary.decode(symbols) == vocabulary.decode(symbols.tolist()) == text
    assert symbols.max() == len(vocabulary) - 1


@pytest.mark.parametrize("unknown", ["a", "H", "é", "\N{GRINNING FACE}", "\0", "\ud800"])
def test_an_unknown_character_is_named_with_its_place(unknown: str) -> None:
    with pytest.raises(DataError, match=rf"U\+{ord(unknown):04X}\) at position 2 .* 4 this model") as error:
        Vocabulary("hello").encode("he" + unknown + "lo" + unknown)
    assert repr(unknown) in str(error.value)


@pytest.mark.parametrize("symbols", [[4], [-1], [0, 70000]])
def test_symbols_that_are_none(symbols: list[int]) -> None:
    with pytest.raises(ValueError, match="expected 0 to 3"):
        Vocabulary("hello").decode(symbols)


def test_no_characters() -> None:
    with pytest.raises(DataError):
        Vocabulary("")


@pytest.mark.parametrize(("size", "dtype"), [(256, np.uint8), (257, np.uint16), (65536, np.uint16), (65537, np.int32)])
def test_symbols_are_as_small_as_can_be(size: int, dtype: type) -> None:
    characters = "".join(map(chr, range(0x10000, 0x10000 + size)))
    text = Text.from_string(characters)
    assert text.symbols.dtype == dtype
    assert text.symbols[-1] == size - 1


# ------------------------------------------------------------------- built-in


def test_builtin_texts() -> None:
    assert list(BUILTIN) == ["hello", "abc", "hamlet", "shakespeare"]
    assert decoded(load_text("hello"))[:14] == "hello hello he"
    assert load_text("abc").vocabulary.symbols == "abc"
    hamlet = decoded(load_text("hamlet"))
    assert len(hamlet) > 1400
    assert hamlet.startswith("To be, or not to be: that is the question:\n")
    assert hamlet.endswith("Be all my sins remember'd.\n")
    for name in BUILTIN:
        assert split(load_text(name)).validation is not None, name


def test_shakespeare_is_the_text_that_losses_are_compared_on() -> None:
    text = load_text("shakespeare")
    assert (len(text), len(text.vocabulary)) == (1_115_394, 65)
    # Of the file that char-rnn came with.
    assert text.sha256 == "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    assert text.vocabulary.decode(text.symbols[:15]) == "First Citizen:\n"
    assert len(split(text).train) == 1_003_854


def test_a_file_with_the_name_of_a_builtin_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hello").write_text("something else")
    monkeypatch.chdir(tmp_path)
    assert decoded(load_text("./hello")) == "something else"
    assert len(load_text("hello")) == 1200


# ----------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("content", "encoding", "expected"),
    [
        (b"plain text", "utf-8", "plain text"),
        ("Grüße, 世界 \N{GRINNING FACE}!".encode(), "utf-8", "Grüße, 世界 \N{GRINNING FACE}!"),
        (b"\xef\xbb\xbfmarked", "utf-8", "marked"),
        (b"\xef\xbb\xbfmarked", "UTF8", "marked"),
        (b"a\r\nb\rc\nd\r\r\ne\r", "utf-8", "a\nb\nc\nd\n\ne\n"),
        ("Grüße".encode("latin-1"), "latin-1", "Grüße"),
        ("Grüße\r\n".encode("utf-16"), "utf-16", "Grüße\n"),
        ("Grüße".encode("utf-16-le"), "utf-16-le", "Grüße"),
        ("世界".encode("shift_jis"), "shift_jis", "世界"),
    ],
)
@pytest.mark.parametrize("pieces", ["small", "whole"])
def test_files(
    content: bytes, encoding: str, expected: str, pieces: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if pieces == "small":
        request.getfixturevalue("small_pieces")
    path = tmp_path / "text"
    path.write_bytes(content)
    text = load_text(str(path), encoding)
    assert decoded(text) == expected
    assert text.vocabulary == Vocabulary(expected)
    assert (text.name, text.encoding) == (str(path), encoding)
    in_memory = Text.from_string(expected)
    assert (text.sha256, text.symbols.dtype) == (in_memory.sha256, in_memory.symbols.dtype)
    assert text.sha256 == hashlib.sha256(expected.encode()).hexdigest()


@pytest.mark.usefixtures("small_pieces")
def test_a_large_file_is_mapped_from_a_file_that_has_no_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text"
    path.write_text("0123456789" * 1000)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr("tempfile.tempdir", None)
    text = load_text(str(path))
    assert isinstance(text.symbols.base, np.memmap)
    assert list(scratch.iterdir()) == []
    np.testing.assert_array_equal(text.symbols, np.tile(np.arange(10), 1000))


@pytest.mark.usefixtures("small_pieces")
def test_no_space_for_a_large_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        def __enter__(self) -> Full:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def write(self, _: bytes) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", lambda dir: Full())
    path = tmp_path / "text"
    path.write_text("long text")
    with pytest.raises(DataError, match=r"no space left .* set TMPDIR"):
        load_text(str(path))


def test_texts_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        load_text("hello").symbols[0] = 1


def test_what_is_no_text(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    (tmp_path / "empty").touch()
    (tmp_path / "one").write_text("x")
    for name, reason in {
        "missing": "no such file, nor a built-in text (hello, abc, hamlet, shakespeare)",
        "": "is a directory, expected a text file",
        "fifo": "is a pipe or a device, expected a text file; save its text to a file first",
        "empty": "is empty",
        "one": "has 1 character, expected at least 2",
        "one/more": "cannot be read: Not a directory",
        "x" * 300: "cannot be read: File name too long",
        "nul\0": "cannot be read: embedded null byte",
    }.items():
        with pytest.raises(DataError, match=re.escape(reason) + "$") as error:
            load_text(str(tmp_path / name))
        assert "\n" not in str(error.value)
    with pytest.raises(DataError, match="pipe or a device"):
        load_text("/dev/null")


def test_a_file_without_permission(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secret"
    path.write_text("secret text")
    real_open = builtins.open

    def refuse(file: Any, *arguments: Any, **options: Any) -> Any:
        if file == str(path):  # root may read everything, so permissions alone would not do
            raise PermissionError(errno.EACCES, "Permission denied")
        return real_open(file, *arguments, **options)

    monkeypatch.setattr(builtins, "open", refuse)
    with pytest.raises(DataError, match="cannot be read: Permission denied"):
        load_text(str(path))


@pytest.mark.parametrize(
    ("content", "encoding", "byte", "offset"),
    [
        (b"abc\xff", "utf-8", "0xff", 3),
        (b"\xef\xbb\xbfabcdefg\xff", "utf-8", "0xff", 10),
        ("é".encode() * 5 + b"\xe9t\xe9", "utf-8", "0xe9", 10),
        (b"abcdefgh\xe2\x82", "utf-8", "0xe2", 8),
        (b"1234567\x80", "ascii", "0x80", 7),
        (b"\x7fELF\x02\x01\x01\x00\x00", "utf-8", "0x00", 7),
        (b"abc\x00", "latin-1", "0x00", 3),
        ("ab".encode("utf-16-le") + b"\x00\xd8c\x00", "utf-16-le", "0x00", 4),
    ],
)
@pytest.mark.parametrize("pieces", ["small", "whole"])
def test_bytes_that_are_no_text(
    content: bytes, encoding: str, byte: str, offset: int, pieces: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if pieces == "small":
        request.getfixturevalue("small_pieces")
    path = tmp_path / "binary"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"byte {byte} at offset {offset}\b.*--encoding"):
        load_text(str(path), encoding)


@pytest.mark.parametrize("encoding", ["klingon", "hex", "rot13", "nul\0", "undefined"])
def test_unknown_encodings(encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("some text")
    with pytest.raises(DataError, match="--encoding"):
        load_text(str(path), encoding)


@pytest.mark.usefixtures("small_pieces")
def test_a_text_for_a_trained_model(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("lohe lohe")
    vocabulary = load_text("hello").vocabulary
    text = load_text(str(path), vocabulary=vocabulary)
    assert text.vocabulary is vocabulary
    assert decoded(text) == "lohe lohe"
    path.write_text("hello hello jello")
    with pytest.raises(DataError, match=rf"^{path}: character 'j' \(U\+006A\) at position 12 .* 5 this model"):
        load_text(str(path), vocabulary=vocabulary)


def test_a_file_that_changes_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "text"
    path.write_text("before")
    read = data._decoded

    def change_after_the_first_pass(*arguments: Any) -> Any:
        yield from read(*arguments)
        path.write_text("after!")

    monkeypatch.setattr(data, "_decoded", change_after_the_first_pass)
    with pytest.raises(DataError, match="character 'a'"):
        load_text(str(path))


# ----------------------------------------------------------------------- split


def test_the_last_tenth_is_kept() -> None:
    text = Text.from_string("abcdefghij" * 100)
    parts = split(text)
    assert parts.validation is not None
    np.testing.assert_array_equal(np.concatenate([parts.train, parts.validation]), text.symbols)
    assert (len(parts.train), len(parts.validation)) == (900, 100)
    assert parts.description == "900 characters to learn from, the last 100 (10%) to validate on"
    assert len(split(text, 0.25).train) == 750


@pytest.mark.parametrize(
    ("length", "validation", "reason"),
    [(490, 0.1, "too short"), (2, 0.99, "too short"), (1000, 0.0, "none kept")],
)
def test_no_validation(length: int, validation: float, reason: str) -> None:
    text = Text.from_string("x" * length)
    parts = split(text, validation)
    assert parts.validation is None
    assert len(parts.train) == length
    assert reason in parts.description


def test_the_shortest_text_that_is_split() -> None:
    assert split(Text.from_string("x" * 500)).validation is not None


@pytest.mark.parametrize("share", [1.0, -0.1, float("nan")])
def test_no_share(share: float) -> None:
    with pytest.raises(ValueError, match="validation"):
        split(Text.from_string("xy"), share)


# ----------------------------------------------------------------------- lanes


@given(
    length=st.integers(2, 400),
    batch_size=st.integers(1, 20),
    seq_length=st.integers(1, 60),
    count=st.integers(1, 7),
)
def test_lanes_use_every_symbol_once_and_carry_on(length: int, batch_size: int, seq_length: int, count: int) -> None:
    lanes = Lanes(np.arange(length, dtype=np.uint16), batch_size, seq_length)
    inputs, targets = [], []
    step = 0
    while step < lanes.steps:
        x, y = lanes.chunk(step, count)
        assert x.dtype == y.dtype == np.int32
        assert x.shape == y.shape
        n, t, b = x.shape
        assert 1 <= n <= count
        assert b == batch_size
        # Only the epoch's last step may be shorter, and then comes alone.
        assert t == seq_length or (n == 1 and t < seq_length and step == lanes.steps - 1)
        inputs.append(x.reshape(-1, b))
        targets.append(y.reshape(-1, b))
        step += n
    x, y = np.concatenate(inputs), np.concatenate(targets)
    counted = y >= 0
    np.testing.assert_array_equal(y[counted], x[counted] + 1)
    np.testing.assert_array_equal(np.sort(x[counted]), np.arange(length - 1))
    for lane in range(batch_size):
        own = x[counted[:, lane], lane]
        np.testing.assert_array_equal(own, np.arange(len(own)) + lanes.starts[lane])
        assert not counted[len(own) :, lane].any()
    assert np.ptp(lanes.lengths) <= 1
    assert 0 <= x.min() <= x.max() < length


def test_lanes_by_hand() -> None:
    lanes = Lanes(np.array([10, 11, 12, 13, 14, 15, 16, 17], dtype=np.uint8), 3, 2)
    assert lanes.steps == 2
    inputs, targets = lanes.chunk(0, 5)
    assert inputs.tolist() == [[[10, 13, 15], [11, 14, 16]]]
    assert targets.tolist() == [[[11, 14, 16], [12, 15, 17]]]
    inputs, targets = lanes.chunk(1, 5)
    assert inputs[0, 0, 0] == 12
    assert targets.tolist() == [[[13, -1, -1]]]


@pytest.mark.parametrize("first", [-1, 2])
def test_steps_that_are_none(first: int) -> None:
    with pytest.raises(ValueError, match="first"):
        Lanes(np.arange(8), 3, 2).chunk(first, 1)


def test_lanes_of_one_symbol() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        Lanes(np.arange(1), 1, 1)


def test_an_unreadable_text_for_a_known_vocabulary_is_named_once(tmp_path: Path) -> None:
    path = tmp_path / "latin.txt"
    path.write_bytes(b"caf\xe9 abc")
    with pytest.raises(DataError) as caught:
        load_text(str(path), vocabulary=Vocabulary("abcdef "))
    assert str(caught.value).count(str(path)) == 1
    assert "byte 0xe9 at offset 3" in str(caught.value)
