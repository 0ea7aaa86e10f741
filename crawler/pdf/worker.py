"""The process that reads PDFs: asked over its standard input, a socket, it answers there.

    asked      one byte, and with it an open file (unix(7), SCM_RIGHTS)
    answered   lines of JSON: ["context", "address"] for each reference, then {"base", "title", "trouble", "ends"}

It limits itself before it reads anything. Memory: an allocation beyond the limit fails and is told. Processor time: the
kernel kills it, also where nobody is left to do so. It ends when whoever started it is gone, since then the socket is
closed; and after a failed allocation, which may have left it with nothing to go on with."""

from __future__ import annotations

import json
import os
import resource
import socket
import time
from typing import IO

MEMORY = 1 << 30
"""Bytes of address space: some 100 MiB are used before a document is opened."""
CPU_SECONDS = 30
"""For one document."""
MAX_ADDRESS = 8_192
"""Characters; browsers and servers take no longer ones."""
MAX_REFERENCES = 50_000
_NICENESS = 5


def main() -> None:
    """Answers until the other side closes the socket."""
    _limit()
    from crawler.pdf.reading import Reading, Unreadable  # within the limits

    connection = socket.socket(fileno=0)
    out = connection.makefile("w", encoding="ascii")

    def answer(stream: IO[bytes]) -> bool:
        """Tells what one document refers to; False if this process should read no other."""
        reading, trouble, enough = Reading(stream), None, True
        told: set[str] = set()
        try:
            for context, address in reading.references():
                if len(address) <= MAX_ADDRESS and address not in told:
                    if len(told) == MAX_REFERENCES:
                        raise Unreadable(f"stopped after {MAX_REFERENCES} links")
                    told.add(address)
                    print(json.dumps([context, address]), file=out, flush=True)
        except Unreadable as error:
            trouble = str(error)
        except MemoryError:
            trouble, enough = f"the PDF takes more than {MEMORY >> 20} MiB of memory to read", False
        said = {"base": reading.base, "title": reading.title, "trouble": trouble or reading.damage, "ends": not enough}
        print(json.dumps(said), file=out, flush=True)
        return enough

    while True:
        message, files, _, _ = socket.recv_fds(connection, 1, 1)
        if not message:
            return
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(time.process_time()) + CPU_SECONDS + 1, hard))
        with open(files[0], "rb") as stream:
            if not answer(stream):
                return


def _limit() -> None:
    os.nice(_NICENESS)
    for limit, value in (
        (resource.RLIMIT_AS, MEMORY),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))


if __name__ == "__main__":
    main()
