"""The birth of a segment: create `.open` (O_EXCL), write the warcinfo record, sync the file, sync the directory.

Only after that may a ledger name it. A crash in between leaves a file that no ledger names; recovery removes it. The
directory must be there: one that is gone was removed from under whoever writes, and its records with it.
"""

from __future__ import annotations

from pathlib import Path

from storage.errors import NoSpace, SegmentBroken
from storage.files import AppendFile, Files, is_full, too_many_open
from storage.segment import OPEN


async def give_birth(files: Files, archive: Path, name: str, data: bytes) -> AppendFile:
    """The file of a new segment, durable with its first record `data` in it.

    Raises NoSpace or SegmentBroken, having removed what was begun as far as that can be done."""
    path = archive / (name + OPEN)
    file = None
    try:
        file = await files.open_append(path, create=True)
        await file.write(data)
        await file.sync()
        await files.sync_directory(archive)
    except OSError as error:
        failure = NoSpace if is_full(error) or too_many_open(error) else SegmentBroken
        raised = failure(f"cannot begin a segment: {error.strerror or error}", path=str(path))
        if file is not None:
            await _discard(files, file, path, raised)
        raise raised from error
    return file


async def _discard(files: Files, file: AppendFile, path: Path, raised: Exception) -> None:
    """Nothing in a file that no ledger names is part of the archive, so what cannot be removed does no harm."""
    try:
        await file.close()
        await files.remove(path)
    except OSError as error:
        raised.add_note(f"what was begun could not be removed either: {error}")
