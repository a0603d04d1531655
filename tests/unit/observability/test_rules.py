"""Alerts and dashboard: well-formed, and about metrics that there are."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.registry import REGISTRY

from deploy.embedded.services import SERVICES as EMBEDDED

FOLDER = Path(__file__).parents[3] / "deploy" / "observability"
SERVICES = sorted(app.parent.name for app in FOLDER.parents[1].glob("services/*/app.py"))
BY_PROMETHEUS = {"up", "process_cpu_seconds_total", "process_resident_memory_bytes"}
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gauge": ("",),
}


def alerts() -> list[Any]:
    content = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return [rule for group in content["groups"] for rule in group["rules"]]


def expressions_of_the_dashboard() -> list[str]:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    return [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", ())]


def metrics_in(expression: str) -> set[str]:
    """What is left of PromQL without texts, labels, ranges, groupings, functions and words."""
    bare = re.sub(r'"[^"]*"|\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)', " ", expression)
    words = set(re.findall(r"\b[a-z][a-z0-9_]*\b(?!\s*\()", bare))
    return words - {"and", "or", "unless"}


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    """The names that the services register when they are imported."""
    for service in SERVICES:
        importlib.import_module(f"services.{service}.app")
    return BY_PROMETHEUS | {
        family.name + suffix
        for family in REGISTRY.collect()
        for suffix in SUFFIXES.get(family.type, ())
    }


def test_names_are_found_in_an_expression() -> None:
    expression = 'sum by (job) (rate(a_total{x=~"b.*"}[5m])) / 2 > 0.1 and min_over_time(c[1h])'

    assert metrics_in(expression) == {"a_total", "c"}


def test_alerts_are_about_metrics_that_there_are(metrics: set[str]) -> None:
    named = {name for alert in alerts() for name in metrics_in(alert["expr"])}

    assert named - metrics == set()
    assert len(named) > 8


def test_the_dashboard_shows_metrics_that_there_are(metrics: set[str]) -> None:
    named = {name for text in expressions_of_the_dashboard() for name in metrics_in(text)}

    assert named - metrics == set()
    assert len(named) > 15


def test_prometheus_reads_every_service_where_it_listens_on_this_machine() -> None:
    content = yaml.safe_load((FOLDER / "prometheus.yml").read_text())

    assert {
        job["job_name"]: job["static_configs"][0]["targets"] for job in content["scrape_configs"]
    } == {spec.name: [f"localhost:{spec.port}"] for spec in EMBEDDED}


def test_the_guide_says_what_to_do_about_every_alert() -> None:
    guide = (FOLDER.parents[1] / "docs" / "observability.md").read_text()

    assert [alert["alert"] for alert in alerts() if f"`{alert['alert']}`" not in guide] == []


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
    ],
    ids=" ".join,
)
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_finds_nothing_wrong(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=FOLDER, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
