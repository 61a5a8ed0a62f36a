"""Progress as a file for a teacher.

The checksum tells whether the file arrived as it was written. It detects accidents, not cheating: whoever can edit
the file can also compute it.
"""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from lstm_ext import __version__
from lstm_ext.errors import DataError

from .catalogue import exercises
from .progress import Record

FORMAT = "lstm-lab progress export 1"
_CHECKSUM = "checksum"
_COLUMNS = ("id", "title", "started", "passed", "attempts", "hints", "minutes", "gave_up", "solution_seen")


def as_json(records: Mapping[str, Record]) -> dict[str, Any]:
    """Everything about every exercise of the course, and about others that the records know, with a checksum."""
    content: dict[str, Any] = {
        "format": FORMAT,
        "lstm_lab": __version__,
        "exported": datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "passed": sum(bool(records[identifier].passed) for identifier in exercises() if identifier in records),
        "of": len(exercises()),
        "exercises": [
            {"id": identifier, "title": _title(identifier), **dataclasses.asdict(records.get(identifier, Record()))}
            for identifier in _all(records)
        ],
    }
    return content | {_CHECKSUM: checksum(content)}


def as_csv(records: Mapping[str, Record]) -> str:
    """A row for each exercise; without a checksum."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for identifier in _all(records):
        record = records.get(identifier, Record())
        hints, minutes = sum(record.hints.values()), round(record.seconds / 60)
        numbers = [len(record.attempts), hints, minutes]
        writer.writerow(
            [
                identifier,
                _title(identifier),
                record.started,
                record.passed,
                *numbers,
                record.gave_up,
                record.solution_seen,
            ]
        )
    return text.getvalue()


def verify(text: str) -> dict[str, Any]:
    """The content of an exported file, if it is as it was written. Raises DataError."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise DataError(f"not an export of lstm-lab's progress: {error}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise DataError("not an export of lstm-lab's progress, or one of another version")
    if content.pop(_CHECKSUM, None) != checksum(content):
        raise DataError("the checksum does not fit: the file was changed after it was written, or it is damaged")
    return content


def checksum(content: Mapping[str, Any]) -> str:
    """SHA-256 of the content as compact JSON with sorted keys."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _all(records: Mapping[str, Record]) -> list[str]:
    return [*exercises(), *(identifier for identifier in records if identifier not in exercises())]


def _title(identifier: str) -> str:
    exercise = exercises().get(identifier)
    return exercise.title if exercise else ""
