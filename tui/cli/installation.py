"""What this installation weighs, how long it takes to start, and how fast this machine trains."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from lstm_ext.cells import CELLS

#: In a process of its own: seconds to import the library, and from there to the first model.
_START = """
import json, time
begin = time.perf_counter()
import lstm_ext
imported = time.perf_counter()
lstm_ext.LanguageModel(lstm_ext.ModelConfig(input_size=65, hidden_size=128, output_size=65))
print(json.dumps({"import": imported - begin, "first_model": time.perf_counter() - imported}))
"""


def weight() -> dict[str, int]:
    """Bytes on disk of lstm-lab and of every package that it needs, the heaviest first."""
    sizes = {"lstm-lab": sum(_folder_size(name) for name in ("lstm_ext", "lstm_lab"))}
    waiting = _needed(distribution("lstm-lab"))
    while waiting:
        name = waiting.pop()
        if name not in sizes:
            try:
                package = distribution(name)
            except PackageNotFoundError:  # for another system or Python
                continue
            files = (Path(str(file.locate())) for file in package.files or ())
            sizes[name] = sum(path.stat().st_size for path in files if path.is_file())
            waiting |= _needed(package)
    return dict(sorted(sizes.items(), key=lambda item: -item[1]))


def _needed(package: Distribution) -> set[str]:
    """The packages that it names, without its extras."""
    return {
        re.sub(r"[-_.]+", "-", match[0]).lower()
        for requirement in package.requires or ()
        if "extra ==" not in requirement and (match := re.match(r"[\w.-]+", requirement))
    }


def _folder_size(package: str) -> int:
    spec = find_spec(package)
    assert spec is not None and spec.submodule_search_locations is not None
    (folder,) = spec.submodule_search_locations
    return sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())


def start_times() -> dict[str, float]:
    """Seconds that ``import lstm_ext`` takes, and from there on the first model."""
    command = (sys.executable, "-I", "-c", _START)  # nothing from the current folder
    output = subprocess.run(command, capture_output=True, check=True).stdout
    times: dict[str, float] = json.loads(output)
    return times


def training_speed(seconds: float = 1.0) -> dict[str, Any]:
    """Characters per second in training the default network on the default text, measured for ``seconds``."""
    from lstm_ext.data import DEFAULT_TEXT, load_text
    from lstm_ext.train.run_config import RunConfig

    trainer = RunConfig().trainer(load_text(DEFAULT_TEXT))
    snapshot = trainer.run(seconds=seconds)
    network, model = trainer.model.config, trainer.model
    return {
        "chars_per_second": snapshot.chars_per_second,
        "network": f"{CELLS[network.cell].title}, {network.hidden_size} units, {network.dtype}",
        "backend": model.backend,
        "kernel": model.kernel,
        "threads": model.threads,
    }
