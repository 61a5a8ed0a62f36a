"""How often to paint: the one place that reads Textual's private attributes for it.

Textual hands its output to a thread with a queue of 30 writes, and a full queue blocks the event
loop. On a slow link a screen that paints regardless answers a key only when the queue has drained
(seconds at 200 kB/s). A frame is therefore left out while earlier ones still wait.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from textual.app import App

LOCAL_FPS = 10
SSH_FPS = 4


def frames_per_second(environ: Mapping[str, str] = os.environ) -> int:
    """Frames per second to aim at: fewer over SSH."""
    return SSH_FPS if "SSH_CONNECTION" in environ or "SSH_TTY" in environ else LOCAL_FPS


def output_waits(app: App[object]) -> bool:
    """Whether earlier output still waits to be written to the terminal."""
    writer = getattr(app._driver, "_writer_thread", None)
    queue = getattr(writer, "_queue", None)
    return queue is not None and not queue.empty()
