"""Every example of the pages about reading archives is run as it stands there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from storage import cli
from tests.support.crawled import write_archive
from tests.support.warc import capture, response

DOCS = Path(__file__).parents[2] / "docs"
PYTHON = re.findall(r"^```python\n(.*?)^```$", (DOCS / "storage-api.md").read_text("utf-8"), re.DOTALL | re.MULTILINE)
COMMANDS = re.findall(r"^ {4}python -m storage (.*)$", (DOCS / "how-to" / "read.md").read_text("utf-8"), re.MULTILINE)


@pytest.fixture
async def crawls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The archives that the pages speak of, in the directory they speak from."""
    pages = [
        *capture(1, b"<title>Example</title>", "https://example.com/"),
        response(90, b"x", "https://example.com/docs/a"),
    ]
    for name in ("seeds", "january", "february"):
        await write_archive(tmp_path / "crawls" / name, [pages])
    (segment,) = (tmp_path / "crawls" / "seeds" / "archive").iterdir()
    (tmp_path / "crawls" / "other.warc.gz").write_bytes(segment.read_bytes())
    (tmp_path / "crawls" / "damaged.warc.gz").write_bytes(segment.read_bytes()[:-9])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_python_examples_run(crawls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(PYTHON) >= 7
    names: dict[str, object] = {}
    for example in PYTHON:
        exec(compile(example, "storage-api.md", "exec"), names)
    said = capsys.readouterr().out
    for expected in ("<title>Example</title>", "https://example.com/docs/a 1", "GET https://example.com/ HTTP/1.1"):
        assert expected in said
    assert "damaged.warc.gz" in said
    assert "the file ends within a record" in said


@pytest.mark.parametrize("words", COMMANDS)
def test_the_commands_run(words: str, crawls: Path, capfd: pytest.CaptureFixture[str]) -> None:
    if "--parquet" in words:
        pytest.importorskip("pyarrow")
    assert cli.main(shlex.split(words.partition(" > ")[0])) == 0
    assert capfd.readouterr().err == ""
