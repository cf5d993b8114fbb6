"""What auditors say is told, and what they could not look up is never taken for clean."""

import json
import sys
from pathlib import Path

import pytest

from infra.audit import Findings, audit, read_npm, read_pip, report


def test_weak_packages_are_named_with_their_advisories() -> None:
    found = read_pip(
        json.dumps(
            {
                "dependencies": [
                    {"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1"}, {"id": "GHSA-2"}]},
                    {"name": "b", "version": "2", "vulns": []},
                    {"name": "c", "skip_reason": "Dependency not found on PyPI"},
                ]
            }
        )
    )

    assert found == Findings(2, ["a 1: PYSEC-1, GHSA-2"], ["Dependency not found on PyPI"])
    assert report("lock", found) == "lock: 1 weak:\n  a 1: PYSEC-1, GHSA-2"


def test_packages_of_the_page_are_read_too() -> None:
    weak = {"vulnerabilities": {"x": {"severity": "high"}}, "metadata": {"dependencies": {"total": 300}}}

    assert read_npm(json.dumps(weak)) == Findings(300, ["x: high"])
    assert report("page", Findings(300)) == "page: 300 packages have no known weakness"


@pytest.mark.parametrize(
    "output",
    [
        '{"message": "request to the registry failed"}',
        '{"error": {"code": "EAUDITNOPROXY", "summary": "none"}}',
        "npm error audit endpoint returned an error",
        "",
    ],
)
def test_a_service_that_is_not_reached_is_skipped_with_the_reason(tmp_path: Path, output: str) -> None:
    script = tmp_path / "auditor.py"
    script.write_text(f"print({output!r})")
    found = audit("page", [sys.executable, str(script)], tmp_path, read_npm)

    assert found.audited == 0
    assert report("page", found).startswith("page: SKIPPED, nothing could be looked up (")


def test_packages_that_an_auditor_passed_over_are_told() -> None:
    skipped = json.dumps({"dependencies": [{"name": "a", "skip_reason": "not found"}]})

    assert report("lock", read_pip(skipped)) == "lock: SKIPPED, nothing could be looked up (not found)"
    assert report("lock", Findings(1, unknown=["not found"])).endswith("; 1 could NOT be looked up (not found)")


def test_an_auditor_that_is_not_there_is_told(tmp_path: Path) -> None:
    assert "did not run" in report("page", audit("page", [str(tmp_path / "none")], tmp_path, read_npm))
