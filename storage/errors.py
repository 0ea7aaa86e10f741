"""What can be wrong with an archive. Every error names the file, and the offset in it where there is one."""

from __future__ import annotations


class ArchiveError(Exception):
    """Something is wrong with an archive or with writing it."""

    def __init__(self, message: str, *, path: str | None = None, offset: int | None = None) -> None:
        self.message, self.path, self.offset = message, path, offset
        where = "" if path is None else f"{path}: " if offset is None else f"{path} at offset {offset}: "
        super().__init__(f"{where}{message}")


class CorruptArchive(ArchiveError):
    """The files contradict the ledger or the format."""


class TornRecord(CorruptArchive):
    """The file ends within a record: cut off, or still being written."""


class InvalidRecord(ArchiveError):
    """A record may not be written or read as it is: a forbidden character, a missing mandatory field."""


class ArchiveLocked(ArchiveError):
    """Another live process writes to this directory."""


class NoSpace(ArchiveError):
    """The disk is full, or too many files are open. Nothing remains of what was tried, and it can be tried again."""


class SegmentBroken(ArchiveError):
    """A write or sync failed in a way that forbids trusting the file again; resume from the committed length."""
