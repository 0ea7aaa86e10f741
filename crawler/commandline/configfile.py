"""crawl.toml: the configuration of a crawl as a file, and the form in which people hand options in.

    # a comment
    seeds = ["https://example.com/"]
    max-pages = 500
    max-body = "100M"
    exclude = ["/calendar/", "[?]sort="]

Keys are the option names without the dashes (underscores are taken too). `delay` may be "auto"; what is not
limited has no key, for TOML has no word for nothing.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from crawler.commandline.options import BY_NAME, OPTIONS
from crawler.commandline.settings import Setting, did_you_mean, make_config, read_setting
from crawler.config import CrawlConfig
from crawler.errors import UsageError
from crawler.seedoptions import seed_with_options

FILE_NAME = "crawl.toml"

_HEADER = "# The configuration in force. It is written anew at each start; give changes on the command line.\n\n"


def read_config(path: str | Path) -> CrawlConfig:
    """The configuration in a file. Raises UsageError naming file, line and key."""
    return make_config(read_settings(path))


def read_settings(path: str | Path) -> dict[str, Setting]:
    """The settings a file holds, by field, without the defaults. Raises UsageError naming file, line and key."""
    text = _read_text(path)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}{_at_line(str(error))}") from None
    settings: dict[str, Setting] = {}
    for key, value in table.items():
        field, setting = _read_key(path, text, key, value)
        if field in settings:
            raise UsageError(f"{setting.source}: is set twice, also as {settings[field].source.rpartition(': ')[2]}")
        settings[field] = setting
    return settings


def to_toml(config: CrawlConfig) -> str:
    """The configuration as the text of crawl.toml."""
    table: dict[str, Any] = {"seeds": list(config.seeds)}
    for option in OPTIONS:
        value = None if option.field is None else getattr(config, option.field)
        if option.field == "output":
            table[option.name] = str(value)
        elif value is not None:
            table[option.name] = [option.show(item) for item in value] if option.repeat else option.show(value)
    return _HEADER + tomli_w.dumps(table)


def write_config(path: str | Path, config: CrawlConfig) -> None:
    """Writes the file whole or not at all, durably. Raises OSError.

    Only its owner may read it: request headers can be secrets."""
    target = Path(path)
    draft = target.with_name(target.name + ".new")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        file.write(to_toml(config))
        file.flush()
        os.fsync(file.fileno())
    os.replace(draft, target)
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _read_text(path: str | Path) -> str:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UsageError(f"{path}:{line}: is not UTF-8 text") from None


def _at_line(message: str) -> str:
    """tomllib puts the place last, `… (at line 3, column 5)`; editors and people look for it first."""
    match = re.fullmatch(r"(.*) \(at line (\d+), column \d+\)", message, re.DOTALL)
    return f":{match[2]}: {match[1]}" if match else f": {message}"


def _read_key(path: str | Path, text: str, key: str, value: object) -> tuple[str, Setting]:
    source = f"{path}:{_line_of(key, text)}: {key}"
    name = key.replace("_", "-")
    if name == "seeds":
        return "seeds", Setting(_read_seeds(value, source), source)
    option = BY_NAME.get(name)
    if isinstance(value, dict):
        raise UsageError(f"{source}: is a table; options stand at the top, without sections")
    if option is None:
        raise UsageError(f"{source}: is no option{did_you_mean(name, ['seeds', *BY_NAME])}")
    if option.field is None:
        raise UsageError(f"{source}: can be given on the command line only")
    return option.field, read_setting(option, value, source)


def _read_seeds(value: object, source: str) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise UsageError(f"{source}: must be a list of URLs")
    seeds = []
    for item in value:
        if not isinstance(item, str):
            raise UsageError(f"{source}: {item!r} is not text")
        try:
            seeds.append(seed_with_options(item))
        except ValueError as error:
            raise UsageError(f"{source}: {error}") from None
    return tuple(dict.fromkeys(seeds))


def _line_of(key: str, text: str) -> int:
    """The line where a key is set; the first line if it is written in a way not looked for."""
    pattern = re.compile(rf"^\s*(?:\[+\s*)?[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
    return next((number for number, line in enumerate(text.splitlines(), 1) if pattern.match(line)), 1)
