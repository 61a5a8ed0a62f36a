"""Texts to learn from, built-in ones and files, as symbols of an alphabet."""

from __future__ import annotations

import codecs
import errno
import hashlib
import io
import os
import stat
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ..arguments import checked
from ..errors import ArgumentError, DataError
from .builtin import BUILTIN, builtin_text

#: Files larger than this many bytes are encoded into a temporary file and mapped from there.
IN_MEMORY = 64 << 20
#: Bytes of a file, or characters from memory, that are worked through at a time: small enough for the cache.
READ_SIZE = 1 << 16


def _codes(text: str) -> np.ndarray:
    """(len(text),) uint32, the code points; lone surrogates, which argv may hold, included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


@checked
@dataclass(frozen=True)
class Vocabulary:
    """The characters that a model knows, each once, sorted by code point; a symbol is an index into them.

    Raises DataError if there are none.
    """

    symbols: str

    def __post_init__(self) -> None:
        if not self.symbols:
            raise DataError("a vocabulary needs at least one character")
        object.__setattr__(self, "symbols", "".join(sorted(set(self.symbols))))

    @classmethod
    def restored(cls, symbols: object) -> Vocabulary:
        """The vocabulary whose ``symbols`` a file has. Raises DataError unless they are as a vocabulary has them."""
        if not isinstance(symbols, str) or cls(symbols).symbols != symbols:
            raise DataError("the vocabulary is no text of characters in order, each once")
        return cls(symbols)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def dtype(self) -> np.dtype:
        """The smallest integer type that holds every symbol: uint8, uint16 or int32."""
        size = len(self)
        return np.dtype(np.uint8 if size <= 1 << 8 else np.uint16 if size <= 1 << 16 else np.int32)

    @cached_property
    def _symbol_of_code(self) -> np.ndarray:
        """Code point → symbol, −1 for unknown; the last entry stands for all larger code points."""
        codes = _codes(self.symbols)
        table = np.full(int(codes[-1]) + 2, -1, dtype=np.int32)
        table[codes] = np.arange(len(codes))
        return table

    def encode(self, text: str, *, position: int = 0) -> np.ndarray:
        """(N,) int32 for N characters.

        Raises DataError, which names the first unknown character and where it is, counted from ``position``.
        """
        table = self._symbol_of_code
        symbols: np.ndarray = table.take(_codes(text), mode="clip")
        unknown = np.flatnonzero(symbols < 0)
        if unknown.size:
            index = int(unknown[0])
            raise DataError(
                f"character {text[index]!r} (U+{ord(text[index]):04X}) at position {position + index:,} is not among "
                f"the {len(self)} this model learned; leave it out, or train a model on a text that has it"
            )
        return symbols

    def decode(self, symbols: Sequence[int] | np.ndarray) -> str:
        """The text that ``symbols`` (N,) stand for. Raises ArgumentError for a symbol outside the vocabulary."""
        array = np.asarray(symbols, dtype=np.int64)
        if array.size and not 0 <= array.min() <= array.max() < len(self):
            raise ArgumentError(f"symbols: got {array.min()} to {array.max()}, expected 0 to {len(self) - 1}")
        return "".join(self.symbols[symbol] for symbol in array)


@checked
@dataclass(frozen=True)
class TextIdentity:
    """What a checkpoint remembers of a text."""

    #: A built-in text's name or the path, as the user gave it.
    name: str
    encoding: str
    length: int
    #: See ``Text``.
    sha256: str

    def meets(self, other: TextIdentity, doing: str) -> str:
        """What a user has to know where ``other`` takes the place of this text; "" if it is the same."""
        if self.sha256 == other.sha256:
            return ""
        return f"trained on {self}, {doing} {other}"

    def __str__(self) -> str:
        return f"{self.name} (hash {self.sha256[:8]})"


@checked
@dataclass(frozen=True)
class Text:
    """A text as symbols, read-only: (N,) of ``vocabulary.dtype``, in memory or, for a large file, mapped from disk."""

    #: A built-in text's name or the path, as the user gave it.
    name: str
    symbols: np.ndarray
    vocabulary: Vocabulary
    #: SHA-256 of the characters in UTF-8, hexadecimal: ``sha256sum`` of a file in UTF-8 without a byte-order mark
    #: and with \n as its line ends. Tells whether a run is resumed on the very same text.
    sha256: str
    encoding: str = "utf-8"

    @classmethod
    def from_string(cls, text: str, name: str = "text", vocabulary: Vocabulary | None = None) -> Text:
        """A text from memory. Raises ``DataError`` if it is too short or has unknown characters."""
        starts = range(0, len(text), READ_SIZE)
        return _encode(name, lambda: (text[at : at + READ_SIZE] for at in starts), "utf-8", vocabulary, on_disk=False)

    def __len__(self) -> int:
        return len(self.symbols)

    @property
    def identity(self) -> TextIdentity:
        """What a checkpoint remembers."""
        return TextIdentity(self.name, self.encoding, len(self), self.sha256)


@checked
def load_text(name: str, encoding: str = "utf-8", vocabulary: Vocabulary | None = None) -> Text:
    """A built-in text by its name, or a file by its path (``./hello`` if the names clash).

    A byte-order mark is dropped, and line ends \\r\\n and \\r become \\n, as in Python's text mode.
    The file is read in pieces, so memory does not grow with it. ``vocabulary`` is that of a
    trained model; without it, the text's own characters. Raises ``DataError``.
    """
    if name in BUILTIN:
        return Text.from_string(builtin_text(name), name, vocabulary)
    size = _check_file(name)
    codec = _codec(encoding)
    return _encode(name, lambda: _decoded(name, codec), encoding, vocabulary, on_disk=size > IN_MEMORY)


def _check_file(path: str) -> int:
    """The size in bytes of the regular file at ``path``."""
    try:
        status = os.stat(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise DataError(f"{path}: is a directory, expected a text file")
    if not stat.S_ISREG(status.st_mode):
        # It would have to be read twice.
        raise DataError(f"{path}: is a pipe or a device, expected a text file; save its text to a file first")
    return status.st_size


def _unreadable(path: str, error: Exception) -> DataError:
    if isinstance(error, FileNotFoundError):
        return DataError(f"{path}: no such file, nor a built-in text ({', '.join(BUILTIN)})")
    reason = error.strerror if isinstance(error, OSError) else error
    return DataError(f"{path!r}: cannot be read: {reason}")


def _codec(encoding: str) -> codecs.CodecInfo:
    try:
        "".encode(encoding)  # refuses codecs that are not text encodings, such as hex
        codec = codecs.lookup(encoding)
        return codecs.lookup("utf-8-sig") if codec.name == "utf-8" else codec
    except (LookupError, ValueError):
        raise DataError(f"--encoding: got {encoding!r}, expected utf-8, latin-1, cp1252, utf-16 or the like") from None


def _decoded(path: str, codec: codecs.CodecInfo) -> Iterator[str]:
    """The file's text in pieces."""
    bytewise = codecs.decode(b"\0", codec.name, "ignore") == "\0"
    decoder = codec.incrementaldecoder()
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    offset = 0
    piece = b""
    try:
        with open(path, "rb") as file:
            while True:
                piece = file.read(READ_SIZE)
                if bytewise and (zero := piece.find(0)) >= 0:
                    raise DataError(
                        f"{path}: byte 0x00 at offset {offset + zero:,}: this seems to be a binary file "
                        "(text in UTF-16 needs --encoding utf-16)"
                    )
                text = newlines.decode(piece, final=not piece)
                if text:
                    yield text
                if not piece:
                    return
                offset += len(piece)
    except UnicodeDecodeError as error:
        # error.object starts with what was left over from earlier pieces.
        where = offset + len(piece) - len(error.object) + error.start
        name = codec.name.removesuffix("-sig").upper()
        raise DataError(
            f"{path}: byte 0x{error.object[error.start]:02x} at offset {where:,} is not {name}; "
            "if it is text in another encoding, name that with --encoding (latin-1, utf-16, …)"
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from None


def _encode(
    name: str,
    read: Callable[[], Iterable[str]],
    encoding: str,
    vocabulary: Vocabulary | None,
    *,
    on_disk: bool,
) -> Text:
    """Two passes over the pieces that ``read()`` gives: the characters there are, then their symbols."""
    if vocabulary is None:
        seen = np.zeros(0x110000, dtype=bool)
        for piece in read():
            seen[_codes(piece)] = True
        characters = np.flatnonzero(seen)
        if not characters.size:
            raise DataError(f"{name}: is empty")
        vocabulary = Vocabulary("".join(map(chr, characters)))
    length = 0
    digest = hashlib.sha256()
    with tempfile.TemporaryFile(dir=_large_file_directory()) if on_disk else io.BytesIO() as sink:
        try:
            for piece in read():
                try:
                    encoded = vocabulary.encode(piece, position=length).astype(vocabulary.dtype).tobytes()
                except DataError as error:  # errors from reading name the file already
                    raise DataError(f"{name}: {error}") from None
                length += len(piece)
                digest.update(piece.encode("utf-8", "surrogatepass"))
                sink.write(encoded)
            sink.flush()
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise DataError(
                f"{name}: no space left for {length:,} encoded characters in {_large_file_directory()}; "
                "set TMPDIR to a directory with more space"
            ) from None
        if length < 2:
            raise DataError(f"{name}: has {length} character{'s' * (length != 1)}, expected at least 2")
        if isinstance(sink, io.BytesIO):
            array = np.frombuffer(sink.getvalue(), dtype=vocabulary.dtype)
        else:
            # The mapping keeps the unlinked file alive.
            array = np.asarray(np.memmap(sink, dtype=vocabulary.dtype, mode="r", shape=(length,)))
    return Text(name, array, vocabulary, digest.hexdigest(), encoding)


def _large_file_directory() -> str:
    """Not /tmp if there is another: /tmp is often memory."""
    if "TMPDIR" not in os.environ and os.access("/var/tmp", os.W_OK):
        return "/var/tmp"
    return tempfile.gettempdir()
