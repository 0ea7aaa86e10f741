"""From a command line to the one configuration it means: files read, precedence settled, the directory chosen.

The command line wins over `--config FILE`, which wins over the defaults. Without seeds, a crawl directory that exists
brings its own crawl.toml, which then stands where the defaults stand.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urlsplit

from crawler.commandline.arguments import Arguments
from crawler.commandline.configfile import FILE_NAME, read_settings
from crawler.commandline.settings import Setting, make_config
from crawler.config import CrawlConfig
from crawler.demo import DEMO_HOST, DEMO_URL
from crawler.directory import default_directory
from crawler.errors import UsageError
from crawler.seedoptions import options_by_url
from crawler.seeds import gather_seeds
from crawler.urls import seed_url


def configure(given: Arguments, stdin: BinaryIO) -> CrawlConfig:
    """The configuration a command line means. Reads files, writes none. Raises UsageError."""
    if given.quiet and given.verbose:
        raise UsageError("--quiet and --verbose contradict each other")
    if given.config == "":
        raise UsageError("--config: '' is not the name of a file")
    settings: dict[str, Setting] = {} if given.config is None else read_settings(given.config)
    settings |= given.settings
    if given.seeds:
        settings["seeds"] = Setting(gather_seeds(given.seeds, stdin), "SEEDS")
    demo = "demo" in settings and settings["demo"].value
    if demo:
        seeds = settings["seeds"].value if "seeds" in settings else ()
        settings["seeds"] = Setting(tuple(dict.fromkeys((*seeds, DEMO_URL))), "--demo")
    if "seeds" not in settings:
        if "output" not in settings:
            raise UsageError("no seeds: name a file of URLs, a URL, or --demo (--help tells more)")
        settings = _stored(Path(settings["output"].value)) | settings  # of a library's crawl there may be no seeds
    elif not settings["seeds"].value:
        raise UsageError(f"{settings['seeds'].source}: holds no URL")
    if "output" not in settings:
        names = given.seeds or (() if demo or given.config is None else (given.config,))
        settings["output"] = Setting(default_directory(names, settings["seeds"].value, demo=demo), "--output")
    config = make_config(settings)
    if "seed_options" in given.settings:
        _check_seed_options(given.settings["seed_options"], config)
    return dataclasses.replace(config, demo=is_demo(config))


def _check_seed_options(setting: Setting, config: CrawlConfig) -> None:
    """What is given on the command line is meant for a seed of this crawl; another address would be passed over."""
    seeds = {seed_url(seed) for seed in config.seeds}
    for url in options_by_url(setting.value):
        if url not in seeds:
            raise UsageError(f"{setting.source}: {url} is no seed of this crawl")


def is_demo(config: CrawlConfig) -> bool:
    """True if a seed names the bundled site, or `demo` asks for it."""
    return config.demo or any(urlsplit(seed).hostname == DEMO_HOST for seed in config.seeds)


def _stored(directory: Path) -> dict[str, Setting]:
    """The settings of a crawl that is there already."""
    path = directory / FILE_NAME
    if not path.is_file():
        raise UsageError(f"no seeds, and no crawl in {directory} that could be resumed")
    settings = read_settings(path)
    for field in ("output", "retry_failed", "recrawl"):  # the one may have moved, the others were asked for once
        settings.pop(field, None)
    return settings
