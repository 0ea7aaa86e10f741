"""Values on their way into a configuration, each with the place it was written, so that an error can name it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from crawler.commandline.options import Option
from crawler.config import CrawlConfig, InvalidSetting
from crawler.errors import UsageError


class Setting(Struct, frozen=True):
    """A value for one field of CrawlConfig."""

    value: Any
    source: str
    """Where it was given: `--max-pages`, or `crawl.toml:3: max-pages`."""


Settings = Mapping[str, Setting]
"""By the name of the field."""


def read_setting(option: Option, raw: object, source: str) -> Setting:
    """Reads a value as written on the command line (str, or list of str) or in TOML. Raises UsageError."""
    try:
        if option.repeat:
            items = raw if isinstance(raw, list) else [raw]
            return Setting(tuple(option.read(item) for item in items), source)
        return Setting(option.read(raw), source)
    except ValueError as error:
        raise UsageError(f"{source}: {error}") from None


def make_config(settings: Settings) -> CrawlConfig:
    """The configuration these settings and the defaults make. Raises UsageError that names the culprit's source."""
    try:
        return CrawlConfig(**{field: setting.value for field, setting in settings.items()})
    except InvalidSetting as error:
        setting = settings.get(error.field)
        source = error.field if setting is None else setting.source
        raise UsageError(f"{source}: {error.sentence}") from None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean --max-pages?`, or "" when nothing is near."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
