"""Files of records in every packing there is, made from plain WARC bytes."""

from __future__ import annotations

import gzip
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from storage import DigestAlgorithm, Record
from storage.wire import encode

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

__all__ = ["plain_records", "trained_dictionary", "with_zstd", "write_wacz", "zstd"]


def plain_records(records: Sequence[Record]) -> list[bytes]:
    """Each record's bytes, as a plain WARC file holds them."""
    return [
        gzip.decompress(b"".join(encode(record, digest=DigestAlgorithm.SHA256, level=1).pieces)) for record in records
    ]


def with_zstd(pieces: Sequence[bytes], *, dictionary: bytes | None = None, packed: bool = False) -> bytes:
    """A .warc.zst: one frame a record, with its dictionary in front if there is one, itself `packed` or not."""
    if dictionary is None:
        return b"".join(zstd.compress(piece) for piece in pieces)
    stored = zstd.compress(dictionary) if packed else dictionary
    front = b"\x5d\x2a\x4d\x18" + len(stored).to_bytes(4, "little") + stored
    return front + b"".join(zstd.compress(piece, zstd_dict=zstd.ZstdDict(dictionary)) for piece in pieces)


def trained_dictionary(pieces: Sequence[bytes]) -> bytes:
    return zstd.train_dict([piece + bytes([n]) for n, piece in enumerate(list(pieces) * 20)], 4096).dict_content


def write_wacz(path: Path, files: Sequence[Path], *, compression: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", compression) as package:
        package.writestr("datapackage.json", "{}")
        for file in files:
            package.write(file, f"archive/{file.name}")
