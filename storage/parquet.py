"""The index of an archive as a Parquet table. Needs pyarrow."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pyarrow
import pyarrow.parquet

from storage.lines import Entry
from storage.times import parse_stamp

GROUP = 100_000
"""Rows of a row group: what is in memory at a time."""

SCHEMA = pyarrow.schema(
    [
        ("url", pyarrow.string()),
        ("surt", pyarrow.string()),
        ("time", pyarrow.timestamp("s", tz="UTC")),
        ("status", pyarrow.int16()),
        ("mime", pyarrow.string()),
        ("digest", pyarrow.string()),
        ("segment", pyarrow.string()),
        ("offset", pyarrow.int64()),
        ("length", pyarrow.int64()),
        ("revisit", pyarrow.bool_()),
    ]
)


def write_parquet(path: Path, entries: Iterable[Entry]) -> None:
    """Writes a table, compressed with Zstandard. Blocking; raises OSError."""
    rows = map(_row, entries)
    with path.open("wb") as file, pyarrow.parquet.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
        while group := list(islice(rows, GROUP)):
            columns = zip(zip(*group, strict=True), SCHEMA, strict=True)
            arrays = [pyarrow.array(column, field.type) for column, field in columns]
            writer.write_table(pyarrow.table(arrays, schema=SCHEMA))


def _row(entry: Entry) -> tuple[object, ...]:
    return (
        _text(entry.url), entry.key, parse_stamp(entry.timestamp), entry.status, _text(entry.mime), entry.digest,
        entry.filename, entry.offset, entry.length, entry.revisit,
    )  # fmt: skip


def _text(text: str) -> str:
    """Parquet strings are UTF-8: a lone surrogate cannot be in one."""
    return text.encode("utf-8", "backslashreplace").decode()
