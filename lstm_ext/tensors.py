"""Named arrays with a description, in one .safetensors file: written whole or not at all, checked before reading.

The metadata hold ``format``, ``version`` and, as JSON in ``contents``, the description; and, as JSON in ``checksums``,
a CRC-32 for each array and for the rest of the metadata (files of before had none). Nothing in a file is executed.

Reading and writing are our own. The ``safetensors`` library copies arrays, ends the process where memory is short,
beyond any ``except``, and trusts what a header says twice.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import re
import stat
import zlib
from collections.abc import Iterator, Mapping
from io import FileIO
from typing import Any

import numpy as np

from .errors import ArgumentError, CheckpointError
from .files import write_atomically
from .lock import locked

PathName = str | os.PathLike[str]
SUFFIX = ".safetensors"
#: What a reader of one format says about a file in the other.
_OTHERS = {
    "lstm-lab": "is the checkpoint of a training run: lstm_ext.load_checkpoint reads it",
    "lstm-lab network": "holds a network: lstm_ext.nn.load reads it",
}
#: What a header calls a dtype → NumPy's name.
_DTYPES = {"F16": "float16", "F32": "float32", "F64": "float64", "BF16": "bfloat16", "BOOL": "bool"}
_DTYPES |= {f"I{bits}": f"int{bits}" for bits in (8, 16, 32, 64)} | {
    f"U{bits}": f"uint{bits}" for bits in (8, 16, 32, 64)
}
_CODES = {name: code for code, name in _DTYPES.items()}
#: The name in a header that is no array's.
_METADATA = "__metadata__"
#: The most bytes of a header: enough for a vocabulary of a million words.
HEADER_BYTES = 1 << 25
#: A file larger than this must be there on the disk, and not only on paper, to an eighth at least.
SPARSE_BYTES = 1 << 24


def write_tensors(
    path: PathName, tensors: Mapping[str, np.ndarray], contents: Mapping[str, Any], *, format: str, version: int
) -> None:
    """Write ``tensors``, of any shapes, to ``path``; a failure leaves the old file.

    Raises CheckpointError, also while another process has ``path`` locked.
    """
    metadata = {"format": format, "version": str(version), "contents": json.dumps(contents)}
    checksums = {name: _checksum(name, tensor) for name, tensor in tensors.items()}
    checksums[_METADATA] = _metadata_checksum(metadata)
    write_safetensors(path, tensors, {**metadata, "checksums": json.dumps(checksums)})


def write_safetensors(path: PathName, tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    """Write ``tensors``, of any shapes, and nothing but these ``metadata``. Raises CheckpointError as ``write_tensors``
    does."""
    path = os.fspath(path)
    header = _header(tensors, metadata)
    if len(header) > HEADER_BYTES:
        raise CheckpointError(f"{path}: not written, because its description takes more than {HEADER_BYTES:,} bytes")
    check_destination(path)
    try:
        with locked(path):
            write_atomically(path, _serialized(header, tensors))
    except OSError as error:
        reason = "no space left on the disk" if error.errno == errno.ENOSPC else error.strerror
        raise CheckpointError(f"{path}: cannot be written: {reason}") from error


def _order(tensors: Mapping[str, np.ndarray]) -> list[str]:
    """The names of arrays as they lie in a file: the widest first, so that all of them are aligned."""
    return sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))


def _header(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> bytes:
    header: dict[str, Any] = {_METADATA: dict(metadata)}
    end = 0
    for name in _order(tensors):
        tensor = tensors[name]
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _CODES[tensor.dtype.name], "shape": tensor.shape, "data_offsets": (begin, end)}
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    return encoded + b" " * (-len(encoded) % 8)


def _serialized(header: bytes, tensors: Mapping[str, np.ndarray]) -> Iterator[bytes | memoryview]:
    """A .safetensors file in pieces: the header's length, the header, each array."""
    yield len(header).to_bytes(8, "little")
    yield header
    for name in _order(tensors):
        yield _bytes(tensors[name]).data


def _bytes(tensor: np.ndarray) -> np.ndarray:
    """(n,) uint8: the array in C order, the least byte of a number first."""
    ordered = np.ascontiguousarray(tensor, tensor.dtype.newbyteorder("<"))
    return ordered.reshape(-1).view(np.uint8)


def _checksum(name: str, tensor: np.ndarray) -> int:
    """CRC-32, also of the name, the dtype and the shape."""
    return zlib.crc32(_bytes(tensor).data, zlib.crc32(f"{name} {tensor.dtype.name} {tensor.shape}".encode()))


def _metadata_checksum(metadata: Mapping[str, str]) -> int:
    return zlib.crc32("\n".join(metadata[name] for name in ("format", "version", "contents")).encode())


def checkpoint_path(path: str) -> str:
    """Where weights are saved that a user wants at ``path``: a name without a suffix gets ``.safetensors``.

    Raises ArgumentError for another suffix, so that weights never take the place of a file of another kind. Front ends
    pass every name through here that a user gives; whether a file of that name may be replaced is theirs to ask.
    """
    name = os.path.basename(path)
    suffix = os.path.splitext(name)[1]
    if name in ("", ".", "..") or suffix not in ("", SUFFIX):
        raise ArgumentError(f"path: got {path!r}, expected a file name that ends in {SUFFIX} or has no suffix")
    return path if suffix else path + SUFFIX


def check_destination(path: str) -> None:
    """Raises CheckpointError if it is already clear that no file can be written to ``path``."""
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    if not os.path.isdir(directory):
        raise CheckpointError(f"{path}: cannot be written: there is no directory {directory}")
    if os.path.exists(path) and not os.path.isfile(path):
        raise CheckpointError(f"{path}: cannot be written: is a directory or a device")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise CheckpointError(f"{path}: cannot be written: no permission to write in {directory}")


class TensorFile:
    """An open file: its header, and its arrays one by one. The header is read and judged before anything else."""

    def __init__(self, path: str, file: FileIO, what: str, header_bytes: int = HEADER_BYTES) -> None:
        """Raises CheckpointError for a header that contradicts itself or the file's size, or is longer than allowed."""
        self.path = path
        self._file = file
        self._what = what
        #: Name → dtype and shape.
        self.header: dict[str, tuple[str, tuple[int, ...]]] = {}
        #: Name → the place of its first byte in the file.
        self._begins: dict[str, int] = {}
        self._checksums: dict[str, int] | None = None
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if length > min(size - 8, header_bytes):
            raise self._unreadable(f"a header of {length:,} bytes, in a file of {size:,}")
        try:
            end = self._enter_all(_parsed(file.read(length)), 8 + length)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise self._unreadable(f"its header: {type(error).__name__}: {error}") from None
        if end != size:
            raise self._unreadable(f"{size - end:,} bytes more than its header says")
        self._check_holes(size)

    def _enter_all(self, header: dict[str, Any], start: int) -> int:
        """Note all arrays, of which the first begins at ``start``; returns where the last ends. Raises ValueError."""
        self.metadata: dict[str, str] = header.pop(_METADATA, {})
        if not all(isinstance(value, str) for value in self.metadata.values()):
            raise ValueError("metadata that are no texts")
        end = start
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            end = self._enter(name, entry, start, end)
        return end

    def _enter(self, name: str, entry: dict[str, Any], start: int, end: int) -> int:
        """Note an array that has to begin at ``end``; returns where it ends itself. Raises ValueError."""
        code, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
        if set(entry) != {"dtype", "shape", "data_offsets"} or not isinstance(code, str):
            raise ValueError(f"{name} is described by {', '.join(entry)}")
        if type(shape) is not list or len(shape) > 8 or not all(type(n) is int and 0 <= n < 2**48 for n in shape):
            raise ValueError(f"{name} has the shape {shape}")
        if not (type(first) is type(last) is int and start + first == end and first <= last):
            raise ValueError(f"{name} lies from {first} to {last}")
        dtype = _DTYPES.get(code, code)
        width = re.search(r"\d+$", dtype)
        if dtype in _CODES and math.prod(shape) * (int(width[0]) // 8 if width else 1) != last - first:
            raise ValueError(f"{name} is {dtype} {tuple(shape)} in {last - first} bytes")
        self.header[name] = dtype, tuple(shape)
        self._begins[name] = end
        return start + int(last)

    def _check_holes(self, size: int) -> None:
        """Refuse a file that takes far less room on the disk than it would in memory."""
        if size <= SPARSE_BYTES or not hasattr(os, "SEEK_HOLE"):
            return
        descriptor, there, end = self._file.fileno(), 0, 0
        with contextlib.suppress(OSError):  # no more data after ``end``; or a file system that does not tell
            while there < size // 8:
                begin = os.lseek(descriptor, end, os.SEEK_DATA)
                end = os.lseek(descriptor, begin, os.SEEK_HOLE)
                there += end - begin
        if 0 < there < size // 8:
            raise self.error(f"is damaged: only {there:,} of its {size:,} bytes are on the disk")

    def contents(self, *, format: str, version: int, what: str) -> dict[str, Any]:
        """The description. Raises CheckpointError unless the file is a ``what``, of this format and version."""
        found = self.metadata.get("format", "")
        if found != format:
            raise self.error(_OTHERS.get(found, f"is a .safetensors file, but no {what} of lstm-lab"))
        number = self.metadata.get("version", "")
        if number != str(version):
            older = number.isdecimal() and int(number) < version
            hint = "train it again, or use the older lstm-lab that wrote it" if older else "a newer one may read it"
            raise self.error(f"has format version {number}, this lstm-lab reads version {version}; {hint}")
        try:
            contents = _parsed(self.metadata["contents"].encode())
        except (KeyError, ValueError, RecursionError):
            raise self.error("is damaged: its description is not JSON") from None
        for name in self.metadata:
            if name not in ("format", "version", "contents", "checksums"):
                raise self.error(f"is damaged: {name!r} is unknown")
        if "checksums" in self.metadata:
            self._checksums = _parsed(self.metadata["checksums"].encode())
            if self._checksums.keys() != {*self.header, _METADATA}:
                raise self.error("is damaged: its checksums are those of other arrays")
            if self._checksums[_METADATA] != _metadata_checksum(self.metadata):
                raise self.error("is damaged: its description has another checksum than when it was written")
        return contents

    def check(self, expected: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raises CheckpointError unless the header has these names, with these dtypes and shapes."""
        for name, (dtype, shape) in expected.items():
            if name not in self.header:
                raise self.error(f"is damaged: {name!r} is missing")
            if self.header[name] != (dtype, shape):
                found_dtype, found_shape = self.header[name]
                what = found_dtype if found_dtype.isprintable() else repr(found_dtype)
                raise self.error(f"is damaged: {name} is {what} {found_shape}, expected {dtype} {shape}")

    def check_all(self, expected: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """``check``, and raises CheckpointError for any other name, too."""
        self.check(expected)
        if unknown := sorted(self.header.keys() - expected.keys()):
            raise self.error(f"is damaged: {unknown[0]!r} does not belong there")

    def read(self, name: str, *, finite: bool = True) -> np.ndarray:
        """One array, of the dtype and the shape in the header.

        Raises CheckpointError for another checksum than when it was written and, with ``finite``, for NaN and infinity.
        """
        dtype, shape = self.header[name]
        array = np.empty(math.prod(shape), np.dtype(dtype).newbyteorder("<"))
        self._file.seek(self._begins[name])
        waiting = array.view(np.uint8).data
        while waiting:
            count = self._file.readinto(waiting)
            if not count:
                raise self.error("is cut short")
            waiting = waiting[count:]
        array = array.reshape(shape).astype(dtype, copy=False)
        if self._checksums is not None and self._checksums[name] != _checksum(name, array):
            raise self.error(f"is damaged: {name} has another checksum than when it was written")
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise self.error(f"is damaged: {name} holds NaN or infinity")
        return array

    def _unreadable(self, detail: str) -> CheckpointError:
        return self.error(f"is cut short, damaged or no {self._what} at all ({' '.join(detail.split())[:200]})")

    def error(self, message: str) -> CheckpointError:
        """The error that says ``message`` about this file."""
        return CheckpointError(f"{self.path}: {message}")


def _parsed(text: bytes) -> dict[str, Any]:
    """A JSON object; no object in it has a name twice. Raises ValueError, RecursionError."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("a name occurs twice")
        return found

    parsed = json.loads(text.decode(), object_pairs_hook=unique)
    if not isinstance(parsed, dict):
        raise ValueError("no object")
    return parsed


@contextlib.contextmanager
def open_tensors(path: PathName, what: str = "checkpoint", *, header_bytes: int = HEADER_BYTES) -> Iterator[TensorFile]:
    """``with open_tensors(path) as file``. Raises CheckpointError, in which ``what`` says what was expected, also for a
    header of more than ``header_bytes``."""
    path = os.fspath(path)
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise CheckpointError(f"{path}: is {kind}, expected a {what}")
        with open(path, "rb", buffering=0) as file:
            yield TensorFile(path, file, what, header_bytes)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such {what}") from None
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read: {error.strerror}") from None
    except (LookupError, ValueError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise CheckpointError(f"{path}: is damaged: {reason}") from None
