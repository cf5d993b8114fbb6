"""`make audit`: known weaknesses of what the lock files name, by the registries' own advisories.

An advisory service that cannot be reached is said, with the reason, and never taken for a clean answer; `--strict`
makes that an error.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import click

ROOT: Final = Path(__file__).resolve().parents[1]
_TIMEOUT: Final = 600


@dataclass(frozen=True)
class Findings:
    """What the advisories say of one lock file."""

    audited: int
    """Packages that were looked up."""
    weak: list[str] = field(default_factory=list)
    """Packages with known weaknesses, and which."""
    unknown: list[str] = field(default_factory=list)
    """Why the others could not be looked up."""


def read_pip(output: str) -> Findings:
    """Return what `pip-audit --format json` found.

    Raises:
        ValueError: it is no such output.
    """
    packages = json.loads(output)["dependencies"]
    weak = [
        f"{package['name']} {package['version']}: {', '.join(each['id'] for each in package['vulns'])}"
        for package in packages
        if package.get("vulns")
    ]
    unknown = [package["skip_reason"] for package in packages if "skip_reason" in package]
    return Findings(len(packages) - len(unknown), weak, unknown)


def read_npm(output: str) -> Findings:
    """Return what `npm audit --json` found.

    Raises:
        ValueError: it is no such output.
    """
    report = json.loads(output)
    if "vulnerabilities" not in report:
        return Findings(0, unknown=[str(report.get("message") or report.get("error") or report)[:300]])
    weak = [f"{name}: {each.get('severity')}" for name, each in report["vulnerabilities"].items()]
    return Findings(int(report["metadata"]["dependencies"]["total"]), weak)


def audit(name: str, command: list[str], folder: Path, read: Callable[[str], Findings]) -> Findings:
    """Run an auditor; what it cannot do is a finding of kind `unknown`."""
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, timeout=_TIMEOUT, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Findings(0, unknown=[f"{name} did not run: {error}"])
    try:
        return read(done.stdout[done.stdout.index("{") :])
    except (ValueError, KeyError, TypeError):
        last: Any = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        return Findings(0, unknown=[f"{name} gave no report: {last[0][:300]}"])


def report(name: str, findings: Findings) -> str:
    """Return the line of one lock file."""
    if findings.weak:
        return f"{name}: {len(findings.weak)} weak:\n  " + "\n  ".join(findings.weak)
    if not findings.audited:
        return (
            f"{name}: SKIPPED, nothing could be looked up ({findings.unknown[0] if findings.unknown else 'no answer'})"
        )
    rest = f"; {len(findings.unknown)} could NOT be looked up ({findings.unknown[0]})" if findings.unknown else ""
    return f"{name}: {findings.audited} packages have no known weakness{rest}"


@click.command()
@click.option("--strict", is_flag=True, help="Fail where something could not be looked up.")
def main(*, strict: bool) -> None:
    """Look up the packages of requirements.lock and of the explorer."""
    pip = [sys.executable, "-m", "pip_audit", "--requirement", "requirements.lock", "--require-hashes", "--disable-pip"]
    pip += ["--format", "json", "--progress-spinner", "off"]
    runs = (
        ("requirements.lock", pip, ROOT, read_pip),
        ("explorer/package-lock.json", ["./build.sh", "npm", "audit", "--json"], ROOT / "explorer", read_npm),
    )
    wrong = False
    for name, command, folder, read in runs:
        findings = audit(name, command, folder, read)
        click.echo(report(name, findings))
        wrong |= bool(findings.weak) or (strict and bool(findings.unknown or not findings.audited))
    sys.exit(int(wrong))


if __name__ == "__main__":
    main()
