"""A program: a cluster of three nodes, a command that uses it, and the death of one of them on the way.

`python ray_cluster.py node|head|none OBJECTS COMMAND...`: `{address}` in the command becomes the cluster's, and the
node dies when the store of files has so many objects. Its exit code is the command's.
"""

import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

os.environ.setdefault("RAY_raylet_start_wait_time_s", "120")  # on a machine under load

from ray.cluster_utils import Cluster  # it reads the environment when imported


def main(victim: str, objects: int, command: list[str]) -> int:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    workers = [cluster.add_node(num_cpus=1) for _ in range(2)]
    store = Path(unquote(urlsplit(os.environ["WORLDSTRAT_STORE"]).path))
    command = [cluster.address if word == "{address}" else word for word in command]
    with subprocess.Popen(command) as process:
        while process.poll() is None and sum(path.is_file() for path in store.rglob("*.tif")) < objects:
            time.sleep(0.05)
        if victim != "none":
            if process.poll() is not None:
                raise SystemExit("The command had ended before anything could die.")
            cluster.remove_node(workers[0] if victim == "node" else cluster.head_node, allow_graceful=False)
        code = process.wait()
    cluster.shutdown()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3:]))
