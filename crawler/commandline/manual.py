"""docs/options.md, made from the table of options: `python -m crawler.commandline.manual > docs/options.md`."""

from __future__ import annotations

import re
import textwrap

from crawler.commandline.options import OPTIONS, Group, Option

_HEAD = """\
# Options

    python -m crawler SEEDS [options]

`SEEDS` are files with one URL a line, URLs themselves, or `-` for standard input. In a file, a line that begins with
`#` is a comment, and so is what follows ` #` behind a URL; empty lines count for nothing; a URL without a scheme means
https. A bad line is named with its number, and nothing is crawled until it is put right.

Sizes are bytes, or `10K`, `5M`, `2G`, `1T` (powers of 1024; `KB` and `KiB` mean the same). Times are seconds, or
`90s`, `5m`, `2h`, `1d`, `1h30m`. What can be given several times is marked *repeatable*.

The same command line again resumes a crawl. Options that changed, and seeds that were added, apply from then on.
"""

_TAIL = """\
## crawl.toml

Every option that is not marked *command line only* can stand in a file for `--config`, under its name without the
dashes. The command line wins over the file. Seeds are a list there:

    seeds = ["https://example.com/"]
    output = "crawls/example"
    scope = "domain"
    exclude = ["/calendar/", "[?]sort="]
    max-pages = 10_000
    max-body = "100M"
    max-time = "8h"
    delay = "auto"
    robots = true
    contact = "archive@example.org"

The crawl directory holds a file of the same form, `DIR/crawl.toml`: the configuration in force. It is written anew
at each start, and read when `--output DIR` is given without seeds.

## Exit codes

| code | meaning |
|---|---|
| 0 | finished, or a limit was reached; then the queue is kept and the summary says so |
| 1 | no seed answered, the directory is locked by another process, the archive is damaged, or an internal error |
| 2 | wrong usage; nothing was done |
| 3 | stopped by a signal or by a full disk; the same command line resumes |
"""


_PARENTHESIS = re.compile(r" \((?:repeatable|default: .*)\)$")
"""What the one line of --help has to say and this page says in its own way."""


def manual() -> str:
    """The whole page, as Markdown."""
    parts = [_HEAD]
    for group in Group:
        parts.append(f"## {group.value[0].upper()}{group.value[1:]}\n")
        parts += [_entry(option) for option in OPTIONS if option.group is group]
    return "\n".join([*parts, _TAIL])


def heading(option: Option) -> str:
    """The option as it is typed: `--max-pages N`, `--no-robots`."""
    if option.negative:
        return f"--{option.name}, --no-{option.name}"
    short = f"-{option.short}, " if option.short else ""
    return f"{short}--{option.name} {option.metavar}".rstrip()


def _entry(option: Option) -> str:
    marks = []
    if default := option.default_text():
        marks.append(f"Default: {default}." if option.default is None else f"Default: `{default}`.")
    if option.repeat:
        marks.append("*Repeatable.*")
    if option.field is None:
        marks.append("*Command line only.*")
    summary = _PARENTHESIS.sub("", option.help)
    text = " ".join([f"{summary[0].upper()}{summary[1:]}.", *marks, option.detail]).rstrip()
    wrapped = textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)
    return f"### `{heading(option)}`\n\n{wrapped}\n"


if __name__ == "__main__":
    print(manual(), end="")
