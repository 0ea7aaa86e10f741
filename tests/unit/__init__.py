import pytest

# Suites that several test modules run: what they assert is told as in a test module of their own.
pytest.register_assert_rewrite(
    "tests.unit.frontier_conformance",
    "tests.unit.frontier_keeping_conformance",
    "tests.unit.frontier_sharing_conformance",
)
