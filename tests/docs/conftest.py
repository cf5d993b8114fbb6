"""The machine that the pages speak of: a stack in `/srv/worldstrat`, the dataset in the folder where one stands."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.conftest import DemoStack
from tests.docs.blocks import ROOT

SECONDS = 240
"""For all commands of a block."""
_TRAP = 'set -eo pipefail\ntrap \'printf "\\n%s\\n" "This failed: $BASH_COMMAND" >&2\' ERR\n'


@dataclass(frozen=True)
class Machine:
    """Where the blocks of one page are run, one after the other."""

    folder: Path
    """Where the reader stands: what one block writes, the next one finds."""
    data: Path
    """`/srv/worldstrat`; as `worldstrat-data` also where commands look that name none."""
    sample: Path
    """`archives`, `dataset`, `/data/worldstrat` and `~/worldstrat`: the published dataset."""
    url: str

    def stand(self) -> None:
        """Put into the folder what the pages take for granted."""
        self.folder.mkdir(parents=True)
        for name in ("archives", "dataset", "home/worldstrat"):
            (self.folder / name).parent.mkdir(exist_ok=True)
            (self.folder / name).symlink_to(self.sample)
        (self.folder / "worldstrat-data").symlink_to(self.data)
        (self.folder / "my-model").symlink_to(ROOT / "superres/weights/worldstrat-x4")

    def at_home(self, text: str) -> str:
        """Return a block with the folders and addresses of this machine."""
        ours = {
            "/srv/worldstrat": self.data,
            "/data/worldstrat": self.sample,
            "/backups/": f"{self.folder}/backups/",
            "http://127.0.0.1:8000": self.url,
            "http://localhost:8000": self.url,
        }
        for theirs, own in ours.items():
            text = text.replace(theirs, str(own))
        return text

    def shell(self, commands: list[str]) -> str:
        """Run commands in one shell; return what went wrong, nothing where all was well."""
        return self._run(["bash", "-c", _TRAP + self.at_home("\n".join(commands))])

    def python(self, text: str) -> str:
        """Run a program, whose packages may warn of their future; return what went wrong."""
        return self._run([sys.executable, "-W", "ignore", "-c", self.at_home(text)])

    def is_up(self) -> bool:
        """Tell whether the stack answers."""
        try:
            return httpx.get(f"{self.url}/readyz", timeout=5).is_success
        except httpx.HTTPError:
            return False

    def up(self) -> None:
        """Start what of the stack has stopped."""
        assert (said := self.shell([f"worldstrat up --data {self.data} --detach"])) == "", said

    def _run(self, command: list[str]) -> str:
        # A page that starts something in the background must not keep the test waiting for its output.
        said = self.folder / ".said"
        with said.open("w") as out:
            done = subprocess.run(
                command,
                cwd=self.folder,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                timeout=SECONDS,
                check=False,
            )
        return "" if done.returncode == 0 else f"exit code {done.returncode}\n{said.read_text('utf-8')[-3000:]}"

    def _environment(self) -> Mapping[str, str]:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        home = str(self.folder / "home")
        return os.environ | {"PATH": path, "HOME": home, "COLUMNS": "120", "WORLDSTRAT_URL": f"{self.url}/stac"}


@pytest.fixture(scope="session")
def machine(demo_stack: DemoStack) -> Machine:
    """The machine of the pages; what they do to its stack, later pages find."""
    return Machine(demo_stack.data.parent, demo_stack.data, demo_stack.sample, demo_stack.url)
