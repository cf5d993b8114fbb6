"""Atheris over one harness, or over all: `make fuzz SECONDS=60`; what it finds stays in a folder."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FINDINGS = ROOT / "worldstrat-data" / "fuzz"
"""Inputs that broke a parser, by harness: each becomes a file of `tests/fuzz/regressions/`."""
LIMIT_MB = 4096
"""Memory that one input may take."""


def fuzz(name: str, seconds: int) -> None:
    """Run one harness; ends the process."""
    import atheris  # noqa: PLC0415 - only here is it needed

    with atheris.instrument_imports(include=["catalog", "ingest", "server", "infra", "tarfile", "zipfile"]):
        from tests.fuzz.harnesses import harness_of  # noqa: PLC0415 - imported where it is instrumented

    harness = harness_of(name)
    folder = FINDINGS / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(harness.seeds):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={seconds}",
        "-max_len=65536",
        "-timeout=20",
        f"-rss_limit_mb={LIMIT_MB}",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={folder}/", str(corpus)], harness.run)
    atheris.Fuzz()


def main(name: str = "all", seconds: str = "60") -> int:
    """Run one harness, or each in a process of its own; return how many found something."""
    if name != "all":
        fuzz(name, int(seconds))
        return 0
    from tests.fuzz.harnesses import all_harnesses  # noqa: PLC0415 - the single run has to instrument it first

    failed = []
    for each in all_harnesses():
        print(f"== {each.name}, {seconds} s", flush=True)  # noqa: T201 - a script
        done = subprocess.run([sys.executable, __file__, each.name, seconds], cwd=ROOT, check=False)
        failed += [each.name] if done.returncode else []
    print(f"{len(failed)} found something: {', '.join(failed) or 'none'}. Inputs are in {FINDINGS}.")  # noqa: T201
    return len(failed)


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(*sys.argv[1:]))
