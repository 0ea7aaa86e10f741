"""A crawl directory written record by record, without a crawl: segments, their indexes and the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from storage import DiskFiles, Record, SegmentWriter, index_path, write_index
from tests.support.warc import NOW, WARCINFO, with_archive

Segment = Sequence[Record]


async def write_archive(directory: Path, segments: Sequence[Segment], *, last_open: bool = False) -> list[Path]:
    """Writes one segment after another; the last stays `.open` if wished. Returns the files."""
    paths = []
    for number, records in enumerate(segments):
        writer = await SegmentWriter.create(
            with_archive(directory), prefix="test", number=number, now=NOW, files=DiskFiles(), warcinfo=WARCINFO
        )
        await writer.append([[record] for record in records])
        await writer.close()
        path = writer.path
        if not (last_open and number == len(segments) - 1):
            path = path.rename(path.with_name(path.name.removesuffix(".open")))
            write_index(directory, path.name)
            assert index_path(directory, path.name).is_file()
        paths.append(path)
    return paths
