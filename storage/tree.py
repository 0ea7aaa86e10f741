"""Captures written out as files under a directory of their own: a tree to look through, one file a URL."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from storage.treenames import told_apart, tree_parts

LIST = "urls.tsv"
"""Lists each file with its URL."""


class Tree:
    """A fresh directory that is filled. Nothing in it is ever followed or replaced: every file is created anew, so
    that no link can lead outside."""

    def __init__(self, directory: Path) -> None:
        """Raises FileExistsError unless the directory is empty or not there; OSError."""
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise FileExistsError(17, "the directory is not empty", str(directory))
        self._directory = directory
        self._files: set[int] = set()
        self._directories: dict[int, str] = {}
        self._take_file((LIST,))

    def place(self, url: str, mime: str) -> tuple[str, ...]:
        """The parts of a name that nothing else has, in any case of its letters; its directories are made."""
        parts = tree_parts(url, mime)
        for at in range(len(parts) - 1):
            known = self._directories.get(_key(parts[: at + 1]))
            if known == parts[at]:
                continue
            if known is not None or _key(parts[: at + 1]) in self._files:
                parts = told_apart(parts, at, "/".join(parts[: at + 1]))
            self._directories[_key(parts[: at + 1])] = parts[at]
            self._path(parts[: at + 1]).mkdir(exist_ok=True)
        if _key(parts) in self._files or _key(parts) in self._directories:
            parts = told_apart(parts, len(parts) - 1, url)
        self._take_file(parts)
        return parts

    def write(self, parts: tuple[str, ...], pieces: Iterable[bytes]) -> int:
        """Creates a file; returns its bytes. What was written stays when `pieces` raises. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        size = 0
        with os.fdopen(os.open(self._path(parts), flags, 0o644), "wb") as file:
            for piece in pieces:
                file.write(piece)
                size += len(piece)
        return size

    def _take_file(self, parts: tuple[str, ...]) -> None:
        self._files.add(_key(parts))

    def _path(self, parts: tuple[str, ...]) -> Path:
        return self._directory.joinpath(*parts)


def _key(parts: tuple[str, ...]) -> int:
    """Names that differ in case only are one name on some systems. A number costs less than a text."""
    return hash("/".join(parts).casefold())
