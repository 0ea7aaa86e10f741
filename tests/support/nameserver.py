"""A name server on loopback with answers of a test's own, that counts what it is asked."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import cast

A, CNAME, AAAA = 1, 5, 28
NOERROR, SERVFAIL, NXDOMAIN = 0, 2, 3

Record = tuple[str, int]
"""An address (or a name, for an alias) and its time to live."""


@dataclass
class NameServer(asyncio.DatagramProtocol):
    """`records` lists, for each name, one answer after the other, the last one for ever. A name that is not there does
    not exist; one in `failing` cannot be told; one in `silent` is never answered."""

    records: Mapping[str, Sequence[Sequence[Record]]]
    failing: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    asked: list[tuple[str, int]] = field(default_factory=list)
    port: int = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        labels, at = [], 12
        while size := data[at]:
            labels.append(data[at + 1 : at + 1 + size].decode().lower())
            at += 1 + size
        [kind] = struct.unpack_from("!H", data, at + 1)
        name = ".".join(labels)
        self.asked.append((name, kind))
        if name in self.silent:
            return
        answers = [] if name in self.failing else self._answers(name, kind)
        code = SERVFAIL if name in self.failing else NOERROR if name in self.records else NXDOMAIN
        head = data[:2] + struct.pack("!HHHHH", 0x8180 | code, 1, len(answers), 0, 0)
        self._transport.sendto(head + data[12 : at + 5] + b"".join(answers), address)

    def _answers(self, name: str, kind: int) -> list[bytes]:
        turns = self.records.get(name, [()])
        turn = min(sum(asked == (name, kind) for asked in self.asked) - 1, len(turns) - 1)
        found = []
        for text, ttl in turns[turn]:
            try:
                address = ip_address(text)
            except ValueError:
                found.append(_record(CNAME, ttl, _name(text), name))
                found += [
                    _record(kind, t, ip_address(a).packed, text) for a, t in self.records[text][0] if _is(a, kind)
                ]
            else:
                if _is(text, kind):
                    found.append(_record(kind, ttl, address.packed, name))
        return found


def _is(address: str, kind: int) -> bool:
    return (AAAA if ":" in address else A) == kind


def _record(kind: int, ttl: int, data: bytes, owner: str) -> bytes:
    return _name(owner) + struct.pack("!HHIH", kind, 1, ttl, len(data)) + data


def _name(text: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".")) + b"\0"


@contextlib.asynccontextmanager
async def name_server(
    records: Mapping[str, Sequence[Sequence[Record]]], *, failing: Sequence[str] = (), silent: Sequence[str] = ()
) -> AsyncIterator[NameServer]:
    server = NameServer(records, frozenset(failing), frozenset(silent))
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        lambda: server, local_addr=("127.0.0.1", 0), family=socket.AF_INET
    )
    server.port = transport.get_extra_info("sockname")[1]
    try:
        yield server
    finally:
        transport.close()
