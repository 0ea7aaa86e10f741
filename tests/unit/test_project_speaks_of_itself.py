"""The tracked files speak of this project alone, and what they say of each other is true."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from crawler.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).relative_to(ROOT)

MACHINE_PATH = re.compile(r"(?<![\w.}/~-])/(?:work|root|home|tmp|opt|mnt)(?:/|\b(?![-\w]))|\.\./shared\b")
REGISTRY = re.compile(r"\b(?:pypi\.org|pythonhosted\.org|npmjs\.(?:org|com)|crates\.io|deb\.debian\.org)\b")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
ELSEWHERE = re.compile(r"\bDESIGN\b")

MARKDOWN_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")
QUOTED_PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")


@cache
def tracked() -> dict[Path, str]:
    """Every tracked text file, by its path from the root; this file, which holds the forbidden words, is left out."""
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode != 0:
        pytest.skip("not a git checkout")
    paths = [Path(name) for name in listing.stdout.decode().split("\0") if name]
    texts = {}
    for path in paths:
        if path != HERE and (ROOT / path).is_file():
            data = (ROOT / path).read_bytes()
            if b"\0" not in data:
                texts[path] = data.decode("utf-8", "replace")
    return texts


def matches(pattern: re.Pattern[str], *, tests: bool = True) -> list[str]:
    """`path:line: match` for each, in the tracked files; `tests` says whether the tests count too."""
    return [
        f"{path}:{text.count(chr(10), 0, match.start()) + 1}: {match[0]}"
        for path, text in tracked().items()
        if tests or path.parts[0] != "tests"
        for match in pattern.finditer(text)
    ]


def test_no_path_of_a_machine() -> None:
    assert matches(MACHINE_PATH, tests=False) == []


def test_no_package_registry() -> None:
    assert matches(REGISTRY) == []


def test_nothing_is_left_unfinished() -> None:
    assert matches(UNFINISHED) == []


def test_nothing_refers_to_what_is_not_here() -> None:
    assert matches(ELSEWHERE) == []


@pytest.mark.parametrize(
    "text", ["in /work/main", "'/tmp/x'", "cd /root", "see ../shared/x", "=/opt/tool", "/home/somebody/x"]
)
def test_a_machine_path_would_be_seen(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize(
    "text", ["http://demo.test/home/x", "a/tmp/b", "{home}/tmp", "/working", "/rooted", "~/work/x"]
)
def test_other_paths_are_no_machine_paths(text: str) -> None:
    assert not MACHINE_PATH.search(text)


@pytest.mark.parametrize("document", ["README.md", "benchmarks/README.md"])
def test_what_a_document_names_exists(document: str) -> None:
    text = tracked()[Path(document)]
    links = {(ROOT / document).parent / name for name in MARKDOWN_LINK.findall(text) if "://" not in name}
    top = {path.parts[0] for path in tracked() if len(path.parts) > 1}
    quoted = {
        ROOT / name for name in QUOTED_PATH.findall(text) if "/" in name.rstrip("/") and name.split("/")[0] in top
    }
    assert [str(path.relative_to(ROOT)) for path in sorted(links | quoted) if not path.exists()] == []


def test_the_readme_gives_the_commands_that_ci_runs() -> None:
    readme, script = tracked()[Path("README.md")], tracked()[Path(".ci/run")]
    for command in ("pip install --quiet -e '.[test]'", "python -m pytest"):
        assert command in readme
        assert command in script


def test_the_changelog_knows_this_version() -> None:
    version = VERSION
    changelog = tracked()[Path("CHANGELOG.md")]
    assert re.search(rf"^## .*(?:Unreleased|{re.escape(version)})", changelog, re.MULTILINE)


def test_the_license_is_whole() -> None:
    text = tracked()[Path("LICENSE")]
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text
