"""ARC, the form before WARC, read as the WARC records it would be today. Internet Archive, "ARC File Format", 1996.

filedesc://NAME ADDRESS DATE text/plain LENGTH      the file's own first record
URL ADDRESS DATE TYPE LENGTH                        version 1
URL ADDRESS DATE TYPE STATUS CHECKSUM LOCATION OFFSET FILE LENGTH     version 2
"""

from __future__ import annotations

import re

from storage.errors import InvalidRecord
from storage.header import RecordHeader

VERSION = "ARC/1.0"
_LINE = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:[^\n]* [^\n]*[0-9]\r?\n")
_DATE = re.compile(r"\d{14}")
_LIMIT = 64 << 10


def is_arc(data: bytes) -> bool:
    """True if a record of an ARC file may begin here."""
    return not data.startswith(b"WARC/") and _LINE.match(data, 0, _LIMIT) is not None


def decode_arc(data: bytes, name: str, offset: int) -> tuple[RecordHeader, int]:
    """The record header that begins `data`, in WARC's terms, and the offset of its block. Raises InvalidRecord.

    ARC records have no id: one is made of the file's name and the offset."""
    end = data.find(b"\n", 0, _LIMIT)
    words = data[:end].decode("utf-8", "replace").rstrip("\r").split(" ")
    if end < 0 or len(words) < 5 or not words[-1].isdecimal():
        raise InvalidRecord(f"not an ARC record: it begins {data[:40]!r}")
    fields_after_url = 4 if len(words) < 10 or not words[-8].isdecimal() else 9
    url = " ".join(words[:-fields_after_url])
    address, date, media_type = words[-fields_after_url : -fields_after_url + 3]
    if _DATE.fullmatch(date) is None:
        raise InvalidRecord(f"an ARC record's date is no 14 digits: {date[:40]!r}")
    stamp = f"{date[:4]}-{date[4:6]}-{date[6:8]}T{date[8:10]}:{date[10:12]}:{date[12:14]}Z"
    fields = [("WARC-Type", "response"), ("WARC-Record-ID", f"<urn:arc:{name}:{offset}>"), ("WARC-Date", stamp)]
    if url.startswith("filedesc://"):
        fields[0] = ("WARC-Type", "warcinfo")
        fields.append(("WARC-Filename", url.removeprefix("filedesc://")))
        media_type = "text/plain"
    else:
        fields += [("WARC-Target-URI", url), ("WARC-IP-Address", address)]
        if data[end + 1 : end + 6].upper() == b"HTTP/":
            media_type = "application/http;msgtype=response"
        else:
            fields[0] = ("WARC-Type", "resource")
    fields += [("Content-Type", media_type), ("Content-Length", words[-1])]
    return RecordHeader(VERSION, tuple(fields)), end + 1
