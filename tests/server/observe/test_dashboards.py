"""Dashboards, scrape configuration and alerts: everything they ask for is counted."""

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

import infra

GRAFANA = Path(infra.__file__).parent / "grafana"
DASHBOARDS = sorted(GRAFANA.glob("*.json"))
_NAME = re.compile(r"\bworldstrat_[a-z_]+")


@pytest.fixture
def counted(http: httpx.Client) -> set[str]:
    """Names of what a live server counts, before anything has happened too."""
    names = set()
    for line in http.get("/metrics").text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split()
            names |= {f"{name}{end}" for end in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def _alerts() -> list[dict[str, Any]]:
    groups = yaml.safe_load((GRAFANA / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def test_every_dashboard_is_one_and_asks_only_for_what_is_counted(counted: set[str]) -> None:
    assert len(DASHBOARDS) == 2
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text())
        assert {"uid", "title", "schemaVersion", "panels", "templating"} <= dashboard.keys()
        panels = dashboard["panels"]
        assert len({panel["id"] for panel in panels}) == len(panels)
        places = {(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}
        assert len(places) == len(panels)
        for panel in panels:
            for target in panel["targets"]:
                asked = set(_NAME.findall(target["expr"]))
                assert asked, panel["title"]
                assert asked <= counted, panel["title"]
                assert target["expr"].count("(") == target["expr"].count(")")


def test_every_alert_asks_only_for_what_is_counted_and_says_what_to_do(counted: set[str]) -> None:
    alerts = _alerts()
    assert len({alert["alert"] for alert in alerts}) == len(alerts) >= 6
    for alert in alerts:
        assert set(_NAME.findall(alert["expr"])) <= counted, alert["alert"]
        assert {"summary", "action"} <= alert["annotations"].keys()
        assert alert["labels"]["severity"] in {"page", "ticket"}


def test_prometheus_is_told_where_the_counters_are_and_of_the_alerts() -> None:
    told = yaml.safe_load((GRAFANA / "prometheus.yaml").read_text())

    assert all((GRAFANA / name).is_file() for name in told["rule_files"])
    (job,) = told["scrape_configs"]
    assert (job["metrics_path"], job["authorization"]["type"]) == ("/metrics", "Bearer")
    assert f'job="{job["job_name"]}"' in (GRAFANA / "alerts.yaml").read_text()


def test_everything_that_is_counted_is_shown(counted: set[str]) -> None:
    shown = set(_NAME.findall("".join(path.read_text() for path in DASHBOARDS)))

    missing = {name.rpartition("_")[0] if name.endswith(("_bucket", "_sum", "_count")) else name for name in counted}
    ours = {name for name in missing if name.startswith("worldstrat_") and not name.endswith("_created")}
    assert {name for name in ours if name not in shown and f"{name}_bucket" not in shown} == set()
