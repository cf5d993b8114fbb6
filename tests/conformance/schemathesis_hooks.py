"""What schemathesis loads: one of every so many cases is asked, always the same ones, and what is not a finding."""

import itertools
import os
from collections import defaultdict
from typing import Any

import schemathesis

KEEP = int(os.environ["KEEP"])
FIRST = 6

_counters: dict[str, Any] = defaultdict(itertools.count)


@schemathesis.hook
def filter_case(context: Any, case: Any) -> bool:  # noqa: ARG001 - schemathesis looks at the names
    """Ask the first cases of each endpoint, and of the others one in `KEEP`."""
    if _is_no_finding(case):
        return False
    number = next(_counters[case.operation.label])
    return number < FIRST or number % KEEP == 0


def _is_no_finding(case: Any) -> bool:
    # The parameters that titiler lists beside a WMTS document's own are for its tiles: it hands them on unread.
    return case.operation.path.endswith("/WMTSCapabilities.xml") and bool(case.query)
