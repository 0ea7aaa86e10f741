"""Runs the command line again and again without starting Python again: imports it once, then forks for each run.

Reads one JSON object a line from standard input, `{"program": ..., "argv": [...], "root": ..., "mode": ..., "at": ...,
"lasting": ..., "trace": ..., "synced": ..., "output": ..., "seconds": ...}`, and answers each with the exit status of
the run: minus the signal's number if one ended it, SIGALRM if it took longer than `seconds`. Started with
tests/crash/faultfs.c preloaded.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from importlib import import_module
from typing import Any

from crawler.cli import main as crawl
from storage.cli import main as look_after

import_module("crawler.crawl")  # here, so that no child has to
import_module("storage.commands.recover")
PROGRAMS = {"crawler": crawl, "storage": look_after}


def run(order: dict[str, Any]) -> None:
    """In the child: arms the faults, then is the command line."""
    signal.alarm(order["seconds"])
    output = os.open(order["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    if order["mode"] is not None:
        names = ("root", "mode", "lasting", "trace", "synced")
        root, mode, lasting, trace, synced = [None if order[name] is None else order[name].encode() for name in names]
        if ctypes.CDLL(None).faultfs_arm(root, mode, ctypes.c_long(order["at"]), lasting, trace, synced) != 0:
            os._exit(99)
    try:
        code = PROGRAMS[order["program"]](order["argv"])
    except BaseException as error:
        print(f"{type(error).__name__} left main: {error}", file=sys.stderr)
        code = 98
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


for line in sys.stdin:
    child = os.fork()
    if child == 0:
        run(json.loads(line))
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
