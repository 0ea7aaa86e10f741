"""What a power cut leaves of a directory at worst: what tests/crash/faultfs.c kept of it in its `synced`.

A name is there if its directory was synced with it, under the parents for which the same holds. A file holds what it
held when it was synced last; nothing, if it never was.
"""

from __future__ import annotations

import shutil
from pathlib import Path


def after_power_cut(synced: Path, target: Path) -> None:
    """Makes `target` the directory `root` as it is when the power comes back."""
    _restore(synced, (synced / "root").read_text(), target)


def _restore(synced: Path, directory: str, target: Path) -> None:
    target.mkdir()
    names = synced / f"{directory}.names"
    for line in names.read_text().splitlines() if names.exists() else ():
        kind, key, name = line.split(" ", 2)
        if kind == "d":
            _restore(synced, key, target / name)
        elif (synced / key).exists():
            shutil.copyfile(synced / key, target / name)
        else:
            (target / name).touch()
