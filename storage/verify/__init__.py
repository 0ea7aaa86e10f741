"""Proving archives whole, whoever wrote them. What is checked: storage/verify/rules.py; how it goes: run.py.

rules <- header <- digests <- walk (a file) <- facts, judge (files together) <- directory, index, package <- run
"""

from __future__ import annotations

from storage.verify.rules import Finding, Rule, Severity
from storage.verify.run import Summary, verify

__all__ = ["Finding", "Rule", "Severity", "Summary", "verify"]
