"""`verify`: proves an archive whole, or names file, offset, record and rule of what is wrong."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

from storage.commands import Command, UsageError
from storage.layout import indexes_directory
from storage.manifest import MANIFEST
from storage.terminal import printable, progress
from storage.verify import Finding, Severity, Summary, verify


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths", nargs="+", metavar="PATH", type=Path,
        help="a crawl directory, a WARC file (plain, gzip or Zstandard), a WACZ package, or a directory of them",
    )  # fmt: skip
    parser.add_argument("--notes", action="store_true", help="show notes too: what is worth knowing and not wrong")
    parser.add_argument("--strict", action="store_true", help="exit with 1 for warnings too")
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a finding and line, and a last one for all"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="print findings only, no summary and no progress")


def run(given: argparse.Namespace) -> int:
    show = _as_json if given.json else _as_text

    def report(found: Finding) -> None:
        if given.notes or found.severity is not Severity.NOTE:
            show(found)

    for path in given.paths:
        if not path.exists():
            raise UsageError(f"{path}: there is no such file or directory")
    total = sum(map(_size, given.paths))
    with progress("verifying", total, shown=not given.quiet) as advance:
        summary = verify(given.paths, report, advance)
    if given.json:
        print(json.dumps({"summary": _counts(summary)}))
    elif not given.quiet:
        print(_sentence(summary, notes=given.notes))
    grave = summary.found[Severity.ERROR] + (summary.found[Severity.WARNING] if given.strict else 0)
    return 1 if grave else 0


def _as_text(found: Finding) -> None:
    print(printable(str(found)))


def _as_json(found: Finding) -> None:
    print(
        json.dumps(
            {
                "severity": found.severity.value,
                "rule": found.rule.label,
                "clause": found.rule.clause,
                "file": found.file,
                "offset": found.offset,
                "record": found.record_id,
                "message": found.message,
            }
        )
    )


def _counts(summary: Summary) -> dict[str, int | bool]:
    found = {f"{severity.value}s": summary.found[severity] for severity in Severity}
    return {"files": summary.files, "records": summary.records, **found, "provisional": summary.provisional}


def _sentence(summary: Summary, *, notes: bool) -> str:
    counts = [_plural(summary.found[severity], severity.value) for severity in Severity if summary.found[severity]]
    text = f"{_plural(summary.records, 'record')} in {_plural(summary.files, 'file')}: "
    text += "sound" if not summary.found[Severity.ERROR] else "not sound"
    if counts:
        text += f"; {', '.join(counts)}"
    if summary.found[Severity.NOTE] and not notes:
        text += " (--notes shows them)" if len(counts) == 1 else " (--notes shows the notes)"
    return text + (". Provisional: a segment is not sealed yet." if summary.provisional else ".")


def _plural(count: int, word: str) -> str:
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def _size(path: Path) -> int:
    """Bytes there are to read: packages and segments of a crawl directory are read twice, once for their hashes."""
    if not path.is_dir():
        return path.stat().st_size * (2 if path.suffix == ".wacz" else 1)
    files = [Path(place) / name for place, _, names in os.walk(path) for name in names if ".warc" in name]
    times = 2 if (indexes_directory(path) / MANIFEST).exists() else 1
    return times * sum(file.stat().st_size for file in files if file.suffix != ".cdxj")


COMMAND = Command(
    description=(
        "Proves that an archive is whole, or says where it is not: compression, grammar, fields, digests, ids,"
        " references between records; for a crawl directory also manifest, ledger, indexes and logs; for a WACZ package"
        " its data package. docs/verify.md lists the rules."
    ),
    examples=(
        ("verify crawls/seeds", "a crawl directory, with all that belongs to it"),
        ("verify --notes *.warc.gz", "files of any origin, with what is unusual about them"),
        ("verify --json X.wacz", "for programs: one finding a line"),
    ),
    add_arguments=add_arguments,
    run=run,
)
