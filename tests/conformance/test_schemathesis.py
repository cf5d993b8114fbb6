"""The server behind its OpenAPI document: schemathesis asks every endpoint what the document allows, and what not."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "missing_required_header",
    # Not `positive_data_acceptance`: that a band exists, or that west lies west of east, no schema can say.
)


def run(folder: Path, http: httpx.Client, document: dict[str, Any], keep: int, *options: str) -> str:
    """Run schemathesis in a process of its own; return what it printed.

    Args:
        folder: for its files.
        http: the server.
        document: the server's OpenAPI document.
        keep: one of how many cases is asked.
        options: of the command.
    """
    (folder / "openapi.json").write_text(json.dumps(document))
    command = [sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", str(http.base_url).rstrip("/")]
    command += [
        "--checks",
        ",".join(CHECKS),
        "--generation-deterministic",
        "--workers",
        "2",
        "--no-color",
        "--request-timeout",
        "60",
    ]
    command += options
    env = os.environ | {"SCHEMATHESIS_HOOKS": "schemathesis_hooks", "PYTHONPATH": str(HOOKS.parent), "KEEP": str(keep)}
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert "API Operations:" in done.stdout, done.stdout + done.stderr
    return done.stdout


def failures(output: str) -> list[str]:
    """Return what was found, each with the command that shows it."""
    return re.findall(r"^\d+\. Test Case ID.*?(?=^\d+\. Test Case ID|^_{3,} |^=+ )", output, re.DOTALL | re.MULTILINE)


def count_cases(output: str) -> int:
    found = re.search(r"^\s+(\d+) generated", output, re.MULTILINE)
    assert found, output
    return int(found[1])


def count_tested(output: str) -> int:
    found = re.search(r"^\s+Tested: (\d+)", output, re.MULTILINE)
    assert found, output
    return int(found[1])


def count_operations(document: dict[str, Any]) -> int:
    return sum(len(methods) for methods in document["paths"].values())


def test_no_endpoint_answers_other_than_it_says(
    tmp_path: Path, http: httpx.Client, lean_document: dict[str, Any]
) -> None:
    output = run(tmp_path, http, lean_document, 41, "--phases", "coverage")

    assert failures(output) == []
    assert "Errors:" not in output, output
    assert count_tested(output) >= count_operations(lean_document) - 4  # schemathesis has no case for WMTS documents
    assert count_cases(output) > 1000


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_endpoint_answers_other_than_it_says_however_long_one_asks(
    tmp_path: Path, http: httpx.Client, document: dict[str, Any]
) -> None:
    output = run(tmp_path, http, document, 1, "--phases", "examples,coverage,fuzzing", "--max-examples", "20")

    assert failures(output) == []
    assert count_tested(output) == count_operations(document)
    assert count_cases(output) > 10_000
