"""Zstandard: from the standard library where it has it (Python 3.14), else its backport, which has the same names."""

from __future__ import annotations

import sys

if sys.version_info >= (3, 14):
    from compression.zstd import DecompressionParameter, ZstdDecompressor, ZstdDict, ZstdError
else:
    from backports.zstd import DecompressionParameter, ZstdDecompressor, ZstdDict, ZstdError

__all__ = ["WINDOW_LOG", "ZstdDict", "ZstdError", "decompressor"]

WINDOW_LOG = 27
"""Largest window that is honoured, 128 MiB: what `zstd --long` makes, and a bound on memory. HTTP allows 8 MiB."""


def decompressor(dictionary: ZstdDict | None = None) -> ZstdDecompressor:
    """A decompressor for one frame, bounded in memory."""
    return ZstdDecompressor(dictionary, {DecompressionParameter.window_log_max: WINDOW_LOG})
