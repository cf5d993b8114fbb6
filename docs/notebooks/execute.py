"""Run notebooks against a server and keep what they show: `python docs/notebooks/execute.py [NOTEBOOK ...]`.

The server is that of `WORLDSTRAT_URL`, as in the notebooks themselves; the outputs kept here are of `make demo`.
"""

import base64
import hashlib
import io
import os
import shutil
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode
from PIL import Image

HERE = Path(__file__).resolve().parent
SERVER = os.environ.get("WORLDSTRAT_URL", "http://127.0.0.1:8000")
KEY = "worldstrat"
"""Where the notebook's metadata keep of which code its outputs are."""
_SECONDS = 300


def load(path: Path) -> NotebookNode:
    """Read a notebook."""
    return nbformat.read(path, as_version=4)


def run(notebook: NotebookNode, server: str) -> NotebookNode:
    """Run a notebook where it is, in a new kernel and a folder that holds nothing but the data beside the notebooks.

    Raises:
        CellExecutionError: a cell failed.
    """
    own = ("PG", "AWS_", "WORLDSTRAT_", "PYTHONWARNINGS")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    with tempfile.TemporaryDirectory(prefix="notebook-") as folder:
        for data in HERE.glob("*.geojson"):
            shutil.copy(data, folder)
        environment |= {
            "WORLDSTRAT_URL": server,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}",
            "PYTHONNOUSERSITE": "1",
            "IPYTHONDIR": f"{folder}/.ipython",
            "TMPDIR": folder,
            "COLUMNS": "100",
        }
        client = NotebookClient(
            notebook,
            timeout=_SECONDS,
            record_timing=False,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = joined(cell.outputs)
    return notebook


def joined(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """Join what a stream was written in pieces; leave out what is nothing but space."""
    whole: list[NotebookNode] = []
    for output in outputs:
        if output.output_type == "stream" and whole and whole[-1].get("name") == output.name:
            whole[-1].text += output.text
        else:
            whole.append(output)
    return [output for output in whole if output.output_type != "stream" or output.text.strip()]


def code(notebook: NotebookNode) -> str:
    """Return the hash of all code: outputs are fresh as long as it is the one that they were made with."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256("\n\n".join(sources).encode()).hexdigest()


def clean(notebook: NotebookNode) -> NotebookNode:
    """Leave nothing in a notebook but its cells, their outputs, and what code these are of."""
    for cell in notebook.cells:
        cell.metadata = {}
        for output in cell.get("outputs", ()):
            output.pop("metadata", None)
            if output.output_type in {"execute_result", "display_data"}:
                output.metadata = {}
                if "image/png" in output.data:
                    output.data["image/png"] = smaller(output.data["image/png"])
    language = {"language_info": {"name": "python"}}
    notebook.metadata = {
        "kernelspec": notebook.metadata.kernelspec,
        **language,
        KEY: {"code": code(notebook)},
    }
    return notebook


def smaller(picture: str) -> str:
    """Return a PNG with a palette: a third of the bytes, and the eye sees no difference."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        image.convert("RGB").quantize(256).save(out, "PNG", optimize=True)
    return base64.b64encode(out.getvalue()).decode()


def main() -> None:
    """Run those that are named, or all."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(HERE.glob("*.ipynb")):
        nbformat.write(clean(run(load(path), SERVER)), path)
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")  # noqa: T201 - what a script says


if __name__ == "__main__":
    main()
