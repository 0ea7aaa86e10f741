"""Imports run one way. Storage knows nothing of crawling; decisions know nothing of I/O; nothing runs in a circle."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import crawler.frontier
import storage
from tests.support.imports import Import, cycles, imports_of, modules

ROOT = Path(__file__).resolve().parents[2]
MODULES = modules(ROOT, "crawler") | modules(ROOT, "storage")
IMPORTS = {
    name: imports_of(name, path.read_text("utf-8"), is_package=path.name == "__init__.py")
    for name, path in MODULES.items()
}

MAY_IMPORT_STORAGE = re.compile(
    r"crawler\.(archiver|archiving|earlier|audit|offline|seams|wire|fetcher|opening|place|crawl|cli)(\..+)?"
)
"""Who hands captures over (archiver, archiving, and the seam between them), who looks at earlier ones (earlier, audit,
offline), who frames HTTP by storage's rules (wire, fetcher), and who puts the parts together (opening, place, crawl,
cli)."""

FRONTIER_FROM_OUTSIDE = frozenset({"crawler.frontier", "crawler.frontier.asking", "crawler.frontier.embedded"})
"""Its protocols and values, the questions to a ledger, and the place that says which one a directory has by itself."""

OPENS_A_DIRECTORY = re.compile(r"crawler\.(opening|background|audit\.(opened|patching)|explain\.command)")
"""Who is given a directory and nothing else."""

PURE = re.compile(r"crawler\.(model|errors|urls|scope|rules|robots|robotstxt|politeness|retry|links)(\..+)?")
IMPURE = {"aiofiles", "aiohttp", "asyncio", "socket", "sqlite3", "ssl", "storage", "subprocess", "threading", "uvloop"}


def every_import() -> list[Import]:
    return [found for name in sorted(IMPORTS) for found in IMPORTS[name]]


def offences(condition: list[Import]) -> list[str]:
    return [str(found) for found in condition]


def test_the_packages_are_found() -> None:
    assert {"crawler.model", "storage.records"} <= MODULES.keys()
    assert any(found.module == "crawler.model" for found in every_import())


def test_storage_never_imports_crawler() -> None:
    assert (
        offences(
            [found for found in every_import() if found.importer.startswith("storage") and found.package == "crawler"]
        )
        == []
    )


def test_the_program_never_imports_its_tests() -> None:
    assert offences([found for found in every_import() if found.package in ("tests", "benchmarks")]) == []


def test_few_modules_import_storage() -> None:
    from_crawler = [
        found for found in every_import() if found.importer.startswith("crawler") and found.package == "storage"
    ]
    assert offences([found for found in from_crawler if not MAY_IMPORT_STORAGE.fullmatch(found.importer)]) == []


def test_storage_is_imported_by_its_public_names() -> None:
    from_crawler = [
        found for found in every_import() if found.importer.startswith("crawler") and found.package == "storage"
    ]
    public = set(storage.__all__)
    assert offences([found for found in from_crawler if found.module != "storage" or not found.names]) == []
    assert offences([found for found in from_crawler if not public.issuperset(found.names)]) == []


def test_decisions_do_no_io() -> None:
    pure = [found for found in every_import() if PURE.fullmatch(found.importer)]
    assert pure
    assert offences([found for found in pure if found.package in IMPURE]) == []


def frontier_from_outside() -> list[Import]:
    return [
        found
        for found in every_import()
        if found.module.startswith("crawler.frontier") and not found.importer.startswith("crawler.frontier")
    ]


def test_nobody_but_the_frontier_knows_which_one_it_is() -> None:
    """Whatever a crawl needs of a frontier stands in the protocol: any other implementation can be handed in."""
    assert frontier_from_outside()
    assert (
        offences([found for found in frontier_from_outside() if not targets_of(found) <= FRONTIER_FROM_OUTSIDE]) == []
    )
    assert offences([found for found in frontier_from_outside() if not found.names]) == []
    by_name = [found for found in frontier_from_outside() if found.module == "crawler.frontier"]
    assert offences([found for found in by_name if not set(crawler.frontier.__all__).issuperset(found.names)]) == []


def test_few_modules_open_the_frontier_of_a_directory() -> None:
    opening = [found for found in frontier_from_outside() if "crawler.frontier.embedded" in targets_of(found)]
    assert offences([found for found in opening if not OPENS_A_DIRECTORY.fullmatch(found.importer)]) == []


def test_the_protocol_of_a_frontier_knows_no_implementation() -> None:
    """Neither do its values: whoever serves it by another store imports them alone."""
    free = {"crawler.frontier", "crawler.frontier.values", "crawler.frontier.protocol", "crawler.frontier.asking"}
    inner = [found for found in every_import() if found.importer in free]
    assert offences([f for f in inner if f.module.startswith("crawler.frontier") and not targets_of(f) <= free]) == []
    assert offences([found for found in inner if found.package in IMPURE]) == []


def test_replay_is_above_all_that_reads_an_archive() -> None:
    above = re.compile(r"storage\.(replay|commands)(\..+)?")
    below = [found for found in every_import() if not above.fullmatch(found.importer)]
    assert offences([found for found in below if found.module.startswith("storage.replay")]) == []


def test_the_command_line_of_storage_is_above_its_library() -> None:
    above = re.compile(r"storage\.(__main__|cli|terminal|commands)(\..+)?")
    below = [found for found in every_import() if not above.fullmatch(found.importer)]
    assert offences([found for found in below if above.fullmatch(found.module)]) == []


def test_no_import_runs_in_a_circle() -> None:
    graph: dict[str, set[str]] = {name: set() for name in MODULES}
    for found in every_import():
        if not found.type_checking:
            graph[found.importer] |= MODULES.keys() & targets_of(found) - {found.importer}
    assert cycles(graph) == []


def targets_of(found: Import) -> set[str]:
    """The modules that an import needs whole. `from package import module` needs the module, not what else the
    package offers: a package's own modules may import each other so."""
    inner = {f"{found.module}.{name}" for name in found.names} & MODULES.keys()
    return inner if len(inner) == len(found.names) > 0 else inner | {found.module}


@pytest.mark.parametrize(
    ("graph", "expected"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        ({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}}, [["a", "b", "c"], ["d", "e"]]),
    ],
)
def test_a_circle_would_be_seen(graph: dict[str, set[str]], expected: list[list[str]]) -> None:
    assert cycles(graph) == expected


def test_relative_and_hidden_imports_would_be_seen() -> None:
    source = "from . import a\nfrom ..b import c\ndef f():\n    import d.e\nif TYPE_CHECKING:\n    import g\n"
    found = imports_of("pack.sub.module", source, is_package=False)
    assert [(each.module, each.names, each.type_checking) for each in found] == [
        ("pack.sub", ("a",), False),
        ("pack.b", ("c",), False),
        ("d.e", (), False),
        ("g", (), True),
    ]
