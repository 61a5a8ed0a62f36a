"""Files of named arrays: as others read them, and where memory is short."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

from lstm_ext.tensors import open_tensors, write_tensors

TENSORS = {
    "wide": np.arange(12.0).reshape(3, 4),
    "transposed": np.arange(12.0, dtype=np.float32).reshape(3, 4).T,
    'a "quoted" é': np.arange(5),
    "empty": np.zeros((0, 3)),
    "scalar": np.array(3.0),
    "bytes": np.arange(7, dtype=np.uint8),
    "half": np.arange(3, dtype=np.float16),
}


def test_the_library_reads_what_we_write(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    write_tensors(path, TENSORS, {"é": "\n\x01\u2028"}, format="f", version=1)
    with safe_open(path, framework="numpy") as file:
        assert sorted(file.keys()) == sorted(TENSORS)
        for name, tensor in TENSORS.items():
            found = file.get_tensor(name)
            assert (found.dtype, found.shape) == (tensor.dtype, tensor.shape)
            np.testing.assert_array_equal(found, tensor)
        assert json.loads(file.metadata()["contents"]) == {"é": "\n\x01\u2028"}
    with open_tensors(path) as own:
        np.testing.assert_array_equal(own.read("transposed"), TENSORS["transposed"])


def test_the_arrays_lie_where_the_library_puts_them(tmp_path: Path) -> None:
    """Widest first, so that each is aligned, and after a header whose length is a multiple of 8."""
    path = tmp_path / "x.safetensors"
    tensors = {name: np.ascontiguousarray(TENSORS[name]) for name in list(TENSORS)[:4]}
    write_tensors(path, tensors, {}, format="f", version=1)
    with safe_open(path, framework="numpy") as file:
        theirs = save(tensors, file.metadata())
    assert path.stat().st_size == len(theirs)
    size = sum(tensor.nbytes for tensor in tensors.values())
    assert path.read_bytes()[-size:] == theirs[-size:]


@pytest.mark.skipif(sys.platform != "linux", reason="RLIMIT_AS")
@pytest.mark.parametrize("what", ["write", "read"])
def test_too_little_memory_is_a_memory_error(what: str, tmp_path: Path) -> None:
    """64 MB of arrays with 40 MB to spare: written without a copy; when read, refused in a way that can be caught."""
    program = f"""
import resource, numpy as np, safetensors
from lstm_ext.tensors import open_tensors, write_tensors
tensors = {{"x": np.zeros(8_000_000)}} if {what!r} == "write" else {{}}
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 40 * 10**6,) * 2)
if tensors:
    write_tensors("x.safetensors", tensors, {{}}, format="f", version=1)
else:
    try:
        with open_tensors("x.safetensors") as file:
            file.read("x")
    except MemoryError:
        print("MemoryError")
"""
    if what == "read":
        write_tensors(tmp_path / "x.safetensors", {"x": np.zeros(8_000_000)}, {}, format="f", version=1)
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", "" if what == "write" else "MemoryError\n")
