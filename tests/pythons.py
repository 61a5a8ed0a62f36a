"""Every Python on this machine that can run the package, for what depends on the interpreter's version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
#: What the package needs, by the names that are imported.
NEEDED = ("numpy", "_cffi_backend", "safetensors", "textual", "rich", "platformdirs", "psutil", "shtab")
_PROBE = f"import sys; [__import__(name) for name in {NEEDED!r}]; print('%d.%d' % sys.version_info[:2])"


@lru_cache
def pythons() -> dict[str, str]:
    """Version → interpreter: this one, and of ``python3.10`` … ``python3.14`` those that have what is needed."""
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    for minor in range(10, 15):
        path = shutil.which(f"python3.{minor}")
        if path is not None and f"3.{minor}" not in found:
            probe = subprocess.run([path, "-c", _PROBE], capture_output=True, text=True, check=False)
            if probe.stdout == f"3.{minor}\n":
                found[f"3.{minor}"] = path
    return found


def environment(folder: Path) -> dict[str, str]:
    """In which each of them imports the package from the sources; ``folder`` is for links to these."""
    for name, source in (("lstm_lab", "tui"), ("lstm_ext", "lstm_ext")):
        if not (folder / name).exists():
            (folder / name).symlink_to(ROOT / source, target_is_directory=True)
    return {**os.environ, "PYTHONPATH": str(folder), "OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
