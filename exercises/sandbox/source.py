"""Reading a learner's file: its text, or why it is none."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from ..grading.recording import Crash

MAX_SOURCE = 1_000_000
_BOMS = (b"\xff\xfe", b"\xfe\xff")
_UTF8_BOM = b"\xef\xbb\xbf"
#: PEP 263, in the first two lines
_DECLARED = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")


def read_source(file: Path) -> str | Crash:
    """The file's text, without a byte order mark and with line ends ``\\n``; or what keeps Python from reading it."""
    try:
        # Not blocking: the file may be a pipe.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                return Crash("missing", f"{file.name} is {'a folder' if stat.S_ISDIR(mode) else 'no ordinary file'}")
            with open(descriptor, "rb", closefd=False) as opened:
                data = opened.read(MAX_SOURCE + 1)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return Crash("missing", f"there is no {file.name} in {file.parent}")
    except OSError as error:
        return Crash("missing", f"{file.name}: {error.strerror}")
    if len(data) > MAX_SOURCE:
        return Crash("missing", f"{file.name} is larger than {MAX_SOURCE // 1_000_000} MB")
    return _decoded(data)


def _decoded(data: bytes) -> str | Crash:
    if data[:2] in _BOMS:
        return Crash("encoding", "it is UTF-16")
    lines = data.removeprefix(_UTF8_BOM).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    declared = next((found[1].decode() for line in lines[:2] if (found := _DECLARED.match(line))), "utf-8")
    texts = []
    for number, line in enumerate(lines, 1):
        if b"\0" in line:
            what = "it may be UTF-16" if data.count(0) > len(data) // 4 else "the file may be damaged"
            return Crash("encoding", f"line {number} has a NUL byte; {what}", number)
        try:
            texts.append(line.decode(declared))
        except LookupError:
            return Crash("encoding", f"it declares the encoding {declared}, which Python does not know", 1)
        except UnicodeError as error:
            byte = f"the byte 0x{line[error.start]:02x}" if isinstance(error, UnicodeDecodeError) else "bytes"
            shown = line.decode("latin-1").strip()[:200]
            what = "UTF-8; it may be Latin-1" if declared == "utf-8" else f"{declared}, which the file declares"
            return Crash("encoding", f"line {number} has {byte}, which is not {what}", number, shown)
    text = "\n".join(texts)
    return text if text.strip() else Crash("empty", "nothing but white space" if text else "0 bytes")
