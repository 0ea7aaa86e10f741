"""What modules import, and what only looks as if they did."""

from __future__ import annotations

import time

import pytest

from crawler.links import Document, extract, modules
from crawler.links.modules import MAX_OPENINGS
from crawler.model import Kind

STEP = 256 << 10
"""Characters that are looked through at once."""
SIZE = 1_000_000
"""Characters of a hostile program: a search that takes quadratic time is at them for many minutes."""
LIMIT = 3.0
"""Seconds of CPU for them, with room for a slow machine."""


def found(content: str, media_type: str = "text/javascript") -> list[str]:
    extraction = extract(Document("http://h/d/p", media_type, None, content.encode()))
    assert extraction.failure is None
    assert {role.kind for role in extraction.links.values()} <= {Kind.REQUISITE}
    return [url.removeprefix("http://h/d/") for url in extraction.links]


@pytest.mark.parametrize(
    "program",
    [
        'import a from "./x.js"',
        "import * as a from './x.js'",
        'import{a,b as c}from"./x.js"',
        'import a, {b, "any name" as c, // of it: "./no.js"\n default as d,} from "./x.js"',
        'import a,*as b from"./x.js"',
        'import "./x.js"',
        "import/* for its effects */'./x.js'",
        'import a from "./x.js" with {type: "json"}',
        'import defer * as a from "./x.js"',
        "import größe from './x.js'",
        'export * from "./x.js"',
        'export*as a from"./x.js"',
        "export {a, b as 'any name'} from './x.js'",
        "export {a}\nimport b from './x.js'",
        "export default a\nimport('./x.js')",
        "import('./x.js')",
        "import( /* webpackChunkName: 'no.js' */ './x.js', {})",
        "import(`./x.js`)",
        "const a = `b${c(`${import('./x.js')}`, {})}d`",
        "a = b++ / 2; import './x.js'; c / 2",
        "a = (b) / 2; import './x.js'; c / 2",
        "a = b[0] / 2; import './x.js'; c / 2",
        "a = 1. / 2; import './x.js'; c / 2",
        "return /['\"`/*]/.test(a); import './x.js'",
        "a = /[/'\"`]\\/`/; import './x.js'",
        "{} /`/.test(a); import './x.js'",
        "a = 'it\\'s'; import './x.js'",
        "a = 'unclosed\nimport './x.js'",
        "(/ unclosed ' [\nimport './x.js'",
        "// comment's\nimport './x.js'",
        "\ufeffimport './x.js'",
        "import './x.js#part'",
        "import '//h/d/x.js'; import 'HTTP://h/d/x.js'",
    ],
)
def test_imports(program: str) -> None:
    assert found(program) == ["x.js"]
    assert found(f"<script type=module>{program}</script>".replace("\ufeff", ""), "text/html") == ["x.js"]


@pytest.mark.parametrize(
    "program",
    [
        "// import './x.js'",
        "/* import './x.js' */",
        "\"import './x.js'\"",
        "'\\'; import \"./x.js\"'",
        "`import './x.js'`",
        "`${a}; import './x.js'`",
        "`${`}`}; import './x.js'`",
        "/import '.\\/x.js'/",
        "a.import('./x.js'); $import('./x.js'); #import('./x.js'); import$('./x.js'); ïimport('./x.js')",
        "import('./x' + a); import(`./${a}.js`); import(a, './x.js'); import('./x\\.js')",
        "import a from 'name'; import 'name/x.js'; import('@scope/x.js'); import 'node:fs'; import 'data:text/css,'",
        "import.meta.resolve('./x.js'); Array.from('./x.js'); require('./x.js')",
        "export {a}; './x.js'",
        "importScripts('./x.js')",
    ],
)
def test_no_imports(program: str) -> None:
    assert found(program) == []
    assert found(f"<script type=module>{program}</script>", "text/html") == []


def test_only_modules_of_a_page_are_searched() -> None:
    assert found("<script>import('./x.js')</script><script type=text/x>import './x.js'</script>", "text/html") == []


def test_inline_modules_are_relative_to_the_base() -> None:
    assert found("<base href=b/><script type=module>import './x.js'</script>", "text/html") == ["b/x.js"]


def test_an_import_map_says_what_names_mean() -> None:
    names = (
        """{"imports": {"a": "./a.js", "lib/": "./l/", "lib/deep/": "/d/deep/"}, "scopes": {"/": {"b": "./b.js"}}}"""
    )
    module = (
        "import 'a'; import 'lib/x.js'; import {y} from 'lib/deep/y.js'; import('lib/deeper/z.js'); import 'c/x.js'"
    )
    page = f"<script type=importmap>{names}</script><script type=module>{module}</script>"
    assert found(page, "text/html") == ["a.js", "b.js", "l/x.js", "deep/y.js", "l/deeper/z.js"]


@pytest.mark.parametrize("around", ["{}", "'{}'", "`{}`", "// {}\n"])
def test_imports_across_two_steps_are_found_as_others(around: str) -> None:
    program = "a = 'b\\'c' + `d\\`${e}$`; import './x.js'; export * from \"./y.js\""
    for shift in range(len(program) + 8):
        assert found(around.format(" " * (STEP - shift)) + program) == ["x.js", "y.js"]


def test_strings_with_escapes_across_two_steps_end_where_they_end() -> None:
    for shift in range(6):
        for mark in ("'", "`"):
            text = mark + "x" * (STEP - shift) + f"\\{mark}; import './no.js' \\{mark}{mark}; import './x.js'"
            assert found(text) == ["x.js"]


def test_programs_of_more_than_can_be_stepped_over_are_searched_as_far(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_OPENINGS == 2_000_000
    monkeypatch.setattr(modules, "MAX_OPENINGS", 100_000)
    program = b"import './x.js';" + b"a/" * (100_000 + 1) + b"import './y.js'"
    extraction = extract(Document("http://h/", "text/javascript", None, program))
    assert list(extraction.links) == ["http://h/x.js"]
    assert extraction.failure == "imports are looked for among 100000 strings, comments and the like"


@pytest.mark.parametrize(
    "piece",
    [
        *(
            "import ",
            "import{",
            "import{a",
            'import"',
            "import(",
            'import("',
            "import/**/",
            'import{"a" ',
            "import a, ",
        ),
        *("import(`$", "export{", "export*", "export{a}", "export/**/", "export * as ", 'export {"\\', "from"),
        *(
            "(/[",
            "=/",
            "a/",
            "`${",
            "`",
            "`${}",
            "{`",
            '"',
            '"\\',
            "/*",
            "//",
            "import" + " " * 99,
            "import(" + " " * 99,
        ),
    ],
)
def test_hostile_programs_take_linear_time(piece: str) -> None:
    program = 'import "./x.js";' + piece * (SIZE // len(piece)) + '\nimport "./z.js"'
    started = time.thread_time()
    assert found(program)[0] == "x.js"
    assert time.thread_time() - started < LIMIT
