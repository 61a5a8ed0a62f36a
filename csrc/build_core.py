"""How cffi builds ``lstm_ext.engine._core`` from the C sources; setup.py calls it.

What Python may call is read from the header itself, so the two cannot differ.
"""

from pathlib import Path

from cffi import FFI

CSRC = Path(__file__).resolve().parent

header = (CSRC / "lstm_core.h").read_text(encoding="utf-8")
declarations = header.split("/* cffi: begin */")[1].split("/* cffi: end */")[0]
units = sorted(path.relative_to(CSRC.parent).as_posix() for path in [*CSRC.glob("*.c"), *CSRC.glob("variants/*.c")])

ffi = FFI()
ffi.cdef(declarations)
ffi.set_source(
    "lstm_ext.engine._core",
    '#include "lstm_core.h"',
    sources=units,
    include_dirs=["csrc"],
    # Multiply-adds may be fused, which every kernel does alike; never -ffast-math, which would
    # change the rounding and denormals of the whole process, and never -march=native.
    extra_compile_args=["-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-g0"],
    libraries=["m", "pthread"],
)
