"""What the commands say on a terminal: text that strangers wrote made fit for one, and the progress of long work."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from storage.printable import printable as printable

Advance = Callable[[int], None]
"""Takes how much was done since it was last called."""


@contextmanager
def progress(doing: str, total: int | None, *, unit: str = "bytes", shown: bool = True) -> Iterator[Advance]:
    """A progress bar on standard error while the block runs; only on a terminal, and only if `shown`.

    `total` is in `unit`, None if unknown; sizes are written as such when the unit is bytes."""
    if not (shown and sys.stderr.isatty()):
        yield _nothing
        return
    from rich import progress as rich_progress  # here, so that commands without a bar start at once
    from rich.console import Console

    amount: rich_progress.ProgressColumn = (
        rich_progress.DownloadColumn(binary_units=True) if unit == "bytes" else rich_progress.MofNCompleteColumn()
    )
    columns = (
        rich_progress.TextColumn("{task.description}", markup=False),
        rich_progress.BarColumn(),
        amount,
        *(() if unit == "bytes" else (rich_progress.TextColumn(unit, markup=False),)),
        rich_progress.TimeRemainingColumn(),
    )
    # What is printed meanwhile goes above the bar; but what goes to a file or pipe goes there.
    above = sys.stdout.isatty()
    console = Console(stderr=True)
    with rich_progress.Progress(*columns, console=console, transient=True, redirect_stdout=above) as bar:
        task = bar.add_task(printable(doing), total=total)

        def advance(done: int) -> None:
            bar.advance(task, done)

        yield advance


def _nothing(done: int) -> None:
    """Nobody watches."""
