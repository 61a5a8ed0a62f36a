"""Named arrays with a description, in one .safetensors file: written whole or not at all, checked before reading.

The metadata hold ``format``, ``version`` and, as JSON in ``contents``, the description. Nothing in a file is executed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from .errors import ArgumentError, CheckpointError
from .files import write_atomically

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
#: What the library needs for itself, besides an array that it reads.
SPARE_BYTES = 2**23
_CODES = {name: code for code, name in _DTYPES.items()}


def write_tensors(
    path: PathName, tensors: Mapping[str, np.ndarray], contents: Mapping[str, Any], *, format: str, version: int
) -> None:
    """Write ``tensors``, of any shapes, to ``path``; a failure leaves the old file. Raises CheckpointError."""
    path = os.fspath(path)
    metadata = {"format": format, "version": str(version), "contents": json.dumps(contents)}
    check_destination(path)
    try:
        write_atomically(path, _serialized(tensors, metadata))
    except OSError as error:
        reason = "no space left on the disk" if error.errno == errno.ENOSPC else error.strerror
        raise CheckpointError(f"{path}: cannot be written: {reason}") from error


def _serialized(tensors: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> Iterator[bytes | memoryview]:
    """A .safetensors file in pieces: the header's length, the header, each array in C order.

    Not by ``safetensors.numpy.save``: that copies all arrays three times over, and where memory is short it ends the
    process, beyond any ``except``.
    """
    names = sorted(tensors, key=lambda name: (-tensors[name].itemsize, name))  # so that all of them are aligned
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        tensor = tensors[name]
        begin, end = end, end + tensor.nbytes
        header[name] = {"dtype": _CODES[tensor.dtype.name], "shape": tensor.shape, "data_offsets": (begin, end)}
    encoded = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    encoded += b" " * (-len(encoded) % 8)
    yield len(encoded).to_bytes(8, "little")
    yield encoded
    for name in names:
        yield np.ascontiguousarray(tensors[name]).reshape(-1).view(np.uint8).data


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
    """An open file: its header, and its arrays one by one."""

    def __init__(self, path: str, file: Any) -> None:
        self.path = path
        self._file = file
        self.metadata: dict[str, str] = file.metadata() or {}
        #: Name → dtype and shape.
        self.header: dict[str, tuple[str, tuple[int, ...]]] = {}
        for name in file.keys():  # noqa: SIM118
            tensor = file.get_slice(name)
            self.header[name] = _DTYPES.get(tensor.get_dtype(), tensor.get_dtype()), tuple(tensor.get_shape())

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
            contents = json.loads(self.metadata["contents"])
        except (KeyError, ValueError, RecursionError):
            contents = None
        if not isinstance(contents, dict):
            raise self.error("is damaged: its description is not JSON")
        return contents

    def check(self, expected: Mapping[str, tuple[str, tuple[int, ...]]]) -> None:
        """Raises CheckpointError unless the header has these names with these dtypes and shapes."""
        for name, (dtype, shape) in expected.items():
            if name not in self.header:
                raise self.error(f"is damaged: {name!r} is missing")
            if self.header[name] != (dtype, shape):
                found = " ".join(map(str, self.header[name]))
                raise self.error(f"is damaged: {name} is {found}, expected {dtype} {shape}")

    def read(self, name: str, *, finite: bool = True) -> np.ndarray:
        """One array, of the shape in the header. With ``finite``, NaN and infinity raise CheckpointError."""
        dtype, shape = self.header[name]
        # Where memory is short, the library panics or hangs; NumPy raises MemoryError.
        np.empty(np.dtype(dtype).itemsize * math.prod(shape) + SPARE_BYTES, np.uint8)
        array: np.ndarray = self._file.get_tensor(name)
        if finite and array.dtype.kind == "f" and not np.isfinite(array).all():
            raise self.error(f"is damaged: {name} holds NaN or infinity")
        return array

    def error(self, message: str) -> CheckpointError:
        """The error that says ``message`` about this file."""
        return CheckpointError(f"{self.path}: {message}")


@contextlib.contextmanager
def open_tensors(path: PathName, what: str = "checkpoint") -> Iterator[TensorFile]:
    """``with open_tensors(path) as file``. Raises CheckpointError, in which ``what`` says what was expected."""
    from safetensors import SafetensorError, safe_open

    path = os.fspath(path)
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = "a directory" if stat.S_ISDIR(mode) else "a pipe or a device"
            raise CheckpointError(f"{path}: is {kind}, expected a {what}")
        with safe_open(path, framework="numpy") as file:
            yield TensorFile(path, file)
    except FileNotFoundError:
        raise CheckpointError(f"{path}: no such {what}") from None
    except SafetensorError as error:
        detail = str(error).removeprefix("Error while deserializing header: ")
        raise CheckpointError(f"{path}: is cut short, damaged or no {what} at all ({detail})") from None
    except OSError as error:
        raise CheckpointError(f"{path!r}: cannot be read: {error.strerror}") from None
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise CheckpointError(f"{path}: is damaged: {reason}") from None
