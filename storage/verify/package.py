"""A WACZ package as a whole: the ZIP file, its data package and digests (WACZ 1.1.1, Frictionless Data Package)."""

from __future__ import annotations

import errno
import hashlib
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from storage.verify.rules import Finding, Rule, finding

DATA_PACKAGE = "datapackage.json"
DIGEST = "datapackage-digest.json"
_PIECE = 1 << 20
_JSON_LIMIT = 256 << 20
BROKEN: tuple[type[Exception], ...] = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OverflowError, ValueError, OSError),
)
"""What the zipfile module raises for a package that is none: an encrypted member is a RuntimeError, a place that cannot
be an OSError."""

Report = Callable[[Finding], None]


class Package:
    """Checks one package file."""

    def __init__(self, path: Path, report: Report, advance: Callable[[int], None]) -> None:
        self._path, self._report, self._advance = path, report, advance

    def check(self) -> None:
        """Reads every file of it. Raises OSError."""
        try:
            with zipfile.ZipFile(self._path) as package:
                self._check(package)
        except BROKEN as error:
            self._say(Rule.PACKAGE, f"not a readable ZIP file: {damage(error)}")

    def _check(self, package: zipfile.ZipFile) -> None:
        members = {member.filename: member for member in package.infolist() if not member.is_dir()}
        if len(members) != len([member for member in package.infolist() if not member.is_dir()]):
            self._say(Rule.PACKAGE, "two files have one name")
        for name, member in members.items():
            if name.startswith("/") or ".." in name.split("/"):
                self._say(Rule.PACKAGE, f"a file would lie outside: {name[:120]!r}")
            if name.startswith("archive/") and member.compress_type != zipfile.ZIP_STORED:
                self._say(Rule.PACKAGE_STORED, f"{name[:120]}: clients cannot read it by ranges")
        self._check_layout(set(members))
        listed = self._listed(package)
        for name, member in members.items():
            self._check_member(package, member, listed.get(name))
        if not listed:
            return
        for name in sorted(set(listed) - set(members)):
            self._say(Rule.PACKAGE_LIST, f"{name[:120]} is listed and not there")
        for name in sorted(set(members) - set(listed) - {DATA_PACKAGE, DIGEST}):
            self._say(Rule.PACKAGE_LIST, f"{name[:120]} is there and not listed")

    def _check_layout(self, names: set[str]) -> None:
        for wanted, there in (
            (DATA_PACKAGE, DATA_PACKAGE in names),
            ("pages/pages.jsonl", "pages/pages.jsonl" in names),
            ("a WARC file in archive/", any(name.startswith("archive/") for name in names)),
            ("an index in indexes/", any(name.startswith("indexes/") for name in names)),
        ):
            if not there:
                self._say(Rule.PACKAGE, f"it has no {wanted}")

    def _listed(self, package: zipfile.ZipFile) -> dict[str, dict[str, Any]]:
        """The resources of the data package by their paths, {} if it cannot be read."""
        data = self._read(package, DATA_PACKAGE)
        value = self._object(data, DATA_PACKAGE)
        if data is None or value is None:
            return {}
        digest = self._object(self._read(package, DIGEST), DIGEST)
        if digest is not None and digest.get("hash") != _digest_as(digest.get("hash"), data):
            self._say(Rule.PACKAGE_DIGEST, f"{DATA_PACKAGE} is not what {DIGEST} says")
        if value.get("profile") != "data-package" or not isinstance(value.get("wacz_version"), str):
            self._say(Rule.PACKAGE, f"{DATA_PACKAGE} lacks its profile or wacz_version")
        resources = value.get("resources")
        if not isinstance(resources, list):
            self._say(Rule.PACKAGE, f"{DATA_PACKAGE} has no list of resources")
            return {}
        return {
            each["path"]: each for each in resources if isinstance(each, dict) and isinstance(each.get("path"), str)
        }

    def _check_member(self, package: zipfile.ZipFile, member: zipfile.ZipInfo, listed: dict[str, Any] | None) -> None:
        label = listed.get("hash") if listed is not None else None
        algorithm = label.partition(":")[0] if isinstance(label, str) else ""
        try:
            digest = hashlib.new(algorithm or "sha256", usedforsecurity=False)
        except ValueError:
            self._say(Rule.PACKAGE_DIGEST, f"{member.filename[:120]}: unknown digest {algorithm[:40]!r}")
            digest = hashlib.sha256()
        size = 0
        try:
            with package.open(member) as file:
                while data := file.read(_PIECE):
                    digest.update(data)
                    size += len(data)
                    self._advance(len(data))
        except BROKEN as error:
            self._say(Rule.PACKAGE, f"{member.filename[:120]}: {damage(error)}")
            return
        if listed is None:
            return
        if listed.get("bytes", size) != size:
            self._say(Rule.PACKAGE_DIGEST, f"{member.filename[:120]} has {size} bytes, not {listed['bytes']!r:.30}")
        elif isinstance(label, str) and label != f"{algorithm}:{digest.hexdigest()}":
            self._say(Rule.PACKAGE_DIGEST, f"{member.filename[:120]} is not what its digest says")

    def _read(self, package: zipfile.ZipFile, name: str) -> bytes | None:
        """A small file of the package; None if it is not there or not readable."""
        try:
            with package.open(name) as file:
                return file.read(_JSON_LIMIT)
        except KeyError:
            return None
        except BROKEN as error:
            damage(error)
            return None  # told where all files are read

    def _object(self, data: bytes | None, name: str) -> dict[str, Any] | None:
        if data is None:
            return None
        try:
            value = json.loads(data)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            self._say(Rule.PACKAGE, f"{name} is no JSON object")
            return None
        return value

    def _say(self, rule: Rule, message: str) -> None:
        self._report(finding(rule, str(self._path), message))


def damage(error: Exception) -> Exception:
    """The error, if it tells of the package and not of the disk it lies on; else raises it."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise error
    return error


def _digest_as(label: object, data: bytes) -> str | None:
    """The digest of `data` by the algorithm that `label` names; None if there is none."""
    algorithm = label.partition(":")[0] if isinstance(label, str) else ""
    try:
        return f"{algorithm}:{hashlib.new(algorithm, data, usedforsecurity=False).hexdigest()}"
    except ValueError:
        return None
