"""How cffi builds ``lstm_ext.engine._core`` from the C sources; setup.py calls it.

What Python may call is read from the header itself, so the two cannot differ.
"""

from pathlib import Path

from cffi import FFI

CSRC = Path(__file__).resolve().parent
VARIANTS = ["portable", "avx2", "avx512"]

header = (CSRC / "lstm_core.h").read_text(encoding="utf-8")
declarations = header.split("/* cffi: begin */")[1].split("/* cffi: end */")[0]

ffi = FFI()
ffi.cdef(declarations)
ffi.set_source(
    "lstm_ext.engine._core",
    '#include "lstm_core.h"',
    sources=["csrc/core.c", "csrc/pool.c"]
    + [f"csrc/variants/{variant}_{dtype}.c" for variant in VARIANTS for dtype in ("f32", "f64")],
    include_dirs=["csrc"],
    # Multiply-adds may be fused, which every kernel does alike; never -ffast-math, which would
    # change the rounding and denormals of the whole process, and never -march=native.
    extra_compile_args=["-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-g0"],
    libraries=["m", "pthread"],
)
