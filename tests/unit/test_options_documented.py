"""The table of options, --help and docs/options.md say the same, and nothing is in one of them alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from crawler.commandline.arguments import build_parser
from crawler.commandline.manual import heading, manual
from crawler.commandline.options import BY_FIELD, OPTIONS
from crawler.config import CrawlConfig

DOCS = Path(__file__).parents[2] / "docs" / "options.md"

_LONG_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")


def _typed() -> set[str]:
    negatives = {f"--no-{option.name}" for option in OPTIONS if option.negative}
    return {f"--{option.name}" for option in OPTIONS} | negatives


def test_the_page_is_the_one_the_table_makes() -> None:
    assert DOCS.read_text(encoding="utf-8") == manual(), "run: python -m crawler.commandline.manual > docs/options.md"


def test_every_option_has_a_heading_in_the_page() -> None:
    headings = re.findall(r"^### `(.*)`$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == [heading(option) for option in OPTIONS]


def test_the_page_names_no_option_that_does_not_exist() -> None:
    assert set(_LONG_OPTION.findall(DOCS.read_text(encoding="utf-8"))) == _typed()


def test_help_has_every_option_and_no_other() -> None:
    assert set(_LONG_OPTION.findall(build_parser().format_help())) == _typed() | {"--help"}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_help_says_what_each_is_for(option: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = re.sub(r"\s+", " ", build_parser().format_help())
    assert getattr(option, "help") in text  # noqa: B009


def test_help_fits_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert max(map(len, build_parser().format_help().splitlines())) <= 80


@pytest.mark.parametrize("field", BY_FIELD)
def test_a_default_is_read_back_from_the_form_it_is_shown_in(field: str) -> None:
    option = BY_FIELD[field]
    default = getattr(CrawlConfig(), field)
    assert option.default == default
    if default is not None and default != () and field != "output":
        assert option.read(option.show(default)) == default
        if not option.switch:
            assert option.read(option.default_text()) == default
