"""The frame of `python -m storage`: finding a command, help, and how errors become a sentence and an exit code."""

from __future__ import annotations

import argparse
import contextlib
import errno
import os
import pkgutil
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import storage.commands
from storage import CorruptArchive, cli
from storage.commands import ENTRIES, Command, Entry, Group, UsageError

STAND_IN = Entry("standin", Group.READ, "a command of this test's own")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[argparse.Namespace], int]], None]:
    """Installs a command `standin` that does what is given."""

    def install(run: Callable[[argparse.Namespace], int]) -> None:
        command = Command("Stands in.", (("standin x", "an example"),), lambda parser: None, run)
        monkeypatch.setattr(cli, "ENTRIES", (*ENTRIES, STAND_IN))
        monkeypatch.setattr(Entry, "load", lambda entry: command)

    return install


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_command_has_help_with_examples_that_parse(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    command = entry.load()
    parser = cli.build_parser(entry, command)
    assert command.examples
    for words, _ in command.examples:
        name, *rest = shlex.split(words.partition("|")[0].partition(">")[0])
        assert name == entry.name
        parser.parse_args(rest)
    assert cli.main([entry.name, "--help"]) == 0
    text = capsys.readouterr().out
    assert f"python -m storage {entry.name}" in text
    assert all(words in text for words, _ in command.examples)
    assert all(len(line) <= 120 for line in text.splitlines())


def test_the_table_names_every_command_module() -> None:
    modules = {
        module.name
        for module in pkgutil.iter_modules(storage.commands.__path__)
        if hasattr(__import__(f"storage.commands.{module.name}", fromlist=["COMMAND"]), "COMMAND")
    }
    assert modules == {entry.name for entry in ENTRIES}
    assert len(ENTRIES) == len(modules)


@pytest.mark.parametrize("words", [["--help"], ["-h"], ["help"]])
def test_the_overview_names_every_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 0
    text = capsys.readouterr().out
    assert all(f"  {entry.name} " in text and entry.help in text for entry in ENTRIES)


def test_no_words_show_the_overview_as_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["verfy"], "there is no command verfy; did you mean verify?"),
        (["zzz"], "there is no command zzz; there are "),
        (["verify", "--quack", "x"], "unrecognized arguments: --quack"),
        (["verify"], "the following arguments are required: PATH"),
        (["a\x1b[2J"], "there is no command a\\x1b[2J"),
    ],
)
def test_wrong_usage_is_one_sentence(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(words) == 2
    told = capsys.readouterr()
    assert told.err.startswith(f"storage: {sentence}")
    assert told.err.count("\n") == 1
    assert told.out == ""


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (CorruptArchive("torn", path="a.warc.gz", offset=7), 1, "storage: a.warc.gz at offset 7: torn\n"),
        (PermissionError(errno.EACCES, "Permission denied", "x\n"), 1, "storage: x\\x0a: Permission denied\n"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, "storage: No space left on device\n"),
        (UsageError("that makes no sense"), 2, "storage: that makes no sense\n"),
        (KeyboardInterrupt(), 130, "storage: interrupted\n"),
        (ZeroDivisionError("oops"), 1, "storage: internal error: ZeroDivisionError: oops; --traceback shows where\n"),
    ],
)
def test_an_error_is_told_at_one_seam(
    error: BaseException,
    code: int,
    sentence: str,
    stand_in: Callable[[Callable[[argparse.Namespace], int]], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: argparse.Namespace) -> int:
        raise error

    stand_in(fail)
    assert cli.main(["standin"]) == code
    assert capsys.readouterr().err == sentence


def test_traceback_shows_where(
    stand_in: Callable[[Callable[[argparse.Namespace], int]], None], capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(lambda given: 1 // 0)
    assert cli.main(["standin", "--traceback"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_the_exit_code_is_the_commands(stand_in: Callable[[Callable[[argparse.Namespace], int]], None]) -> None:
    stand_in(lambda given: 1)
    assert cli.main(["standin"]) == 1


def test_a_reader_that_leaves_ends_it_in_peace() -> None:
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "-m", "storage", "--help"], stdout=pipe, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (141, b"")


def test_ctrl_c_ends_it_with_a_word(tmp_path: Path) -> None:
    fifo = tmp_path / "x.warc"
    os.mkfifo(fifo)
    script = (
        "import signal, storage.cli, sys, storage.commands as c\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # whoever runs the tests may be deaf to it
        "def wait(given): open(sys.argv[1], 'w').close(); import time; time.sleep(60)\n"
        "command = c.Command('', (('', ''),), lambda parser: None, wait)\n"
        "c.Entry.load = lambda entry: command\n"
        "sys.exit(storage.cli.main(['verify']))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(fifo)], stderr=subprocess.PIPE)
    fifo.open("rb").close()  # returns once the child has opened it, within the command
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=30)
    assert (child.returncode, told) == (130, b"storage: interrupted\n")


def test_what_goes_to_a_file_goes_there_beside_a_progress_bar(tmp_path: Path) -> None:
    """Standard error is a terminal, where a bar runs; standard output is a file."""
    script = (
        "from storage.terminal import progress\n"
        "with progress('working', 2, unit='things') as advance:\n"
        "    advance(1)\n"
        "    print('a finding')\n"
    )
    ours, theirs = os.openpty()
    with (tmp_path / "out").open("wb") as out:
        child = subprocess.Popen(
            [sys.executable, "-c", script], stdout=out, stderr=theirs, env={**os.environ, "TERM": "xterm"}
        )
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO: the other end was closed
            while data := os.read(ours, 4096):
                shown += data
        os.close(ours)
        assert child.wait(30) == 0
    assert (tmp_path / "out").read_text() == "a finding\n"
    assert b"working" in shown
    assert b"a finding" not in shown
