"""A program on a terminal of its own: a pseudo-terminal, and a small emulation of what a person sees on it."""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.programs import require_program

_SEQUENCE = re.compile(r"\x1b\[([?\d;]*)([A-Za-z])")


class Screen:
    """Keeps all lines, also those that scrolled away; knows the sequences that a redrawn display needs, no others."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[str] = [""]
        self.row = self.column = 0
        self.cursor_hidden = False
        self.redraws = 0
        self.tallest = 0
        """How many lines up the cursor ever went: no more than the terminal has, or remnants scroll away."""

    def feed(self, text: str) -> None:
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                match = _SEQUENCE.match(text, at)
                assert match is not None, f"an unknown escape sequence: {text[at : at + 12]!r}"
                self._control(match[1], match[2])
                at = match.end()
            else:
                self._character(text[at])
                at += 1

    def _control(self, value: str, letter: str) -> None:
        if letter == "A":
            self.row = max(0, self.row - int(value or 1))
            self.redraws += 1
            self.tallest = max(self.tallest, len(self.lines) - 1 - self.row)
        elif letter == "K":
            assert value == "2"
            self.lines[self.row] = ""
        elif value == "?25":
            self.cursor_hidden = letter == "l"
        else:
            assert letter == "m", f"an unknown escape sequence: {value}{letter}"

    def _character(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down()
        else:
            if self.column == self.columns:
                self.column = 0
                self._down()
            line = self.lines[self.row].ljust(self.column)
            self.lines[self.row] = line[: self.column] + character + line[self.column + 1 :]
            self.column += 1

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.lines):
            self.lines.append("")

    def narrow(self, columns: int) -> None:
        """Fewer columns, and longer lines wrapped, as most terminals and tmux do it; the cursor stays where it was in
        its line."""
        wrapped: list[str] = []
        for number, line in enumerate(self.lines):
            if number == self.row:
                rows = max(self.column - 1, 0) // columns
                self.row, self.column = len(wrapped) + rows, self.column - rows * columns
            wrapped += [line[at : at + columns] for at in range(0, max(len(line), 1), columns)]
        self.lines, self.columns = wrapped, columns

    @property
    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines).strip("\n")


def on_terminal(
    command: Sequence[str],
    *,
    cwd: Path,
    environment: Mapping[str, str],
    columns: int = 80,
    rows: int = 24,
    type_when: Callable[[Screen], bytes | None] = lambda screen: None,
    seconds: float = 60.0,
) -> tuple[int, Screen]:
    """Runs the command to its end; returns its exit code and the screen as it left it.

    `type_when` is asked after each piece of output what the person types."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    # A session of its own, with this terminal in control, so that a typed Ctrl-C reaches the program as a signal.
    own_session = [require_program("setsid"), "--ctty"]
    process = subprocess.Popen(
        [*own_session, *command], cwd=cwd, env=dict(environment), stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    screen, decoder, pending = Screen(columns), codecs.getincrementaldecoder("utf-8")(), ""
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline:
            if not select.select([ours], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(ours, 65536)
            except OSError:  # EIO: the last who had it open is gone
                break
            if not data:
                break
            pending += decoder.decode(data)
            whole = len(pending)
            if (escape := pending.rfind("\x1b")) >= 0 and not _SEQUENCE.match(pending, escape):
                whole = escape  # the rest of the sequence is still to come
            screen.feed(pending[:whole])
            pending = pending[whole:]
            if (typed := type_when(screen)) is not None:
                os.write(ours, typed)
        screen.feed(pending)
        return process.wait(max(0.1, deadline - time.monotonic())), screen
    finally:
        process.kill()
        process.wait()
        os.close(ours)
