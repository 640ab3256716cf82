"""What is seen from outside is documented, and what watches it asks for what there is."""

import re
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import msgspec
import pytest
import yaml

from app.api.endpoints.health import _page
from app.api.metrics.about_metrics import About
from app.api.metrics.metrics import Metrics
from app.api.metrics.store_metrics import StoreFigures
from app.api.parts import Parts
from app.dispatch.channels.spool_watch import SpoolWatch
from app.dispatch.counts import DispatchCounts
from app.domain.surge import Breaker
from tests.dispatch.outbox_rows import store_in
from tests.test_docs import commands, endpoints

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs/reference"
RUNBOOKS = ROOT / "docs/how-to/runbooks"
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load((ROOT / "docs/monitoring/alerts.yaml").read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = msgspec.json.decode((ROOT / "docs/monitoring/dashboard.json").read_bytes())
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
OF_PROMETHEUS = {"le", "instance", "job"}
"""Labels that Prometheus itself gives."""

DOCUMENTED = {
    name: set(re.findall(r"`([a-z_]+)`", labels)) | OF_PROMETHEUS
    for name, labels in re.findall(
        r"^\| `((?:lens|process)_[a-z_]+)` \| (.*?) \|", (REFERENCE / "metrics.md").read_text(), re.MULTILINE
    )
}
"""The labels of each metric, as docs/reference/metrics.md has them."""

VALUES = set(
    re.findall(
        r"`([A-Za-z0-9_*-]+)`",
        "".join((REFERENCE / name).read_text() for name in ("metrics.md", "work-items.md", "message-statuses.md")),
    )
)
"""Every word in code marks on the pages that say what labels may hold."""


class Query(NamedTuple):
    """What a query of Prometheus asks for: each metric with the labels it is chosen by, and the labels it is grouped by."""

    chosen: list[tuple[str, dict[str, str]]]
    grouped: set[str]


def read_query(text: str) -> Query:
    """Reads the metrics and labels out of a query; strict enough that a misspelt one is seen."""
    chosen = [
        (name, dict(re.findall(r'(\w+)\s*[!=]=?~?\s*"([^"]*)"', labels)))
        for name, labels in re.findall(r"\b((?:lens_|process_|up\b)\w*)(?:\{([^}]*)\})?", text)
    ]
    return Query(chosen, {label for some in re.findall(r"\bby \(([^)]*)\)", text) for label in re.split(r",\s*", some)})


def faults(text: str, exported: dict[str, str]) -> Iterator[str]:
    """What is wrong with a query: metrics, labels and values that do not exist."""
    query = read_query(text)
    if not query.chosen:
        yield f"it asks for nothing: {text}"
    known: set[str] = set()
    for name, labels in query.chosen:
        whole = re.sub(r"_(bucket|sum|count)$", "", name)
        family = whole if exported.get(whole) == "histogram" else name
        if family != "up" and (family not in exported or (family == name and exported[family] == "histogram")):
            yield f"there is no metric {name}"
        known |= DOCUMENTED.get(family, OF_PROMETHEUS)
        yield from (f"{name} has no label {label}" for label in labels if label not in DOCUMENTED.get(family, OF_PROMETHEUS))
        if family != "up" and not name.startswith("lens_http_"):
            values = {value for label, some in labels.items() if label != "le" for value in some.split("|")}
            yield from (f"{name} never has {value}" for value in sorted(values - VALUES))
    yield from (f"nothing has the label {label}" for label in sorted(query.grouped - known))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The type of each metric that /metrics has, by its name in queries."""
    store = store_in(tmp_path_factory.mktemp("store"))
    parts = SimpleNamespace(
        writer=SimpleNamespace(groups=0, items=0),
        shelf=SimpleNamespace(in_force=SimpleNamespace(version="0" * 12), problem=None, failing=("a scenario",)),
        ready={},
        metrics=Metrics(),
        store_figures=StoreFigures(store, lambda: 0, Breaker()),
        counts=DispatchCounts,
        about=About("SQLite 3", {"LENS_SWITCH_TLS_CERT": 0.0}),
        spool=SpoolWatch(tmp_path_factory.mktemp("spool"), 600.0, time.time),
    )
    page = _page(cast("Parts", parts)).decode()
    store.close()
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))


def test_every_metric_is_documented_and_no_other(exported: dict[str, str]) -> None:
    """docs/reference/metrics.md has a row for each metric of the page."""
    rows = re.findall(r"^\| `((?:lens|process)_[a-z_]+)` \|", (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(exported)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_there_is(alert: dict[str, Any], exported: dict[str, str]) -> None:
    """Its metrics, labels and values exist, and so do the labels that its words name."""
    assert list(faults(alert["expr"], exported)) == []
    query = read_query(alert["expr"])
    named = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    assert named <= (query.grouped or OF_PROMETHEUS)


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_has_a_severity_and_a_runbook(alert: dict[str, Any]) -> None:
    """The page is there, names the alert, and says what it means, how to look, what to do and when it is over."""
    assert set(alert) <= {"alert", "expr", "for", "labels", "annotations"}
    assert alert["labels"]["severity"] in {"critical", "warning"}
    page = (ROOT / alert["annotations"]["runbook_url"]).read_text()
    assert f"Alert `{alert['alert']}`." in page
    headings = re.findall(r"^## (.*)$", page, re.MULTILINE)
    assert headings == ["What it means", "How to look", "What to do", "When it is over"]


def test_each_alert_has_its_own_page_and_the_list_has_all() -> None:
    """No page is of an alert that is gone, and README.md lists them as alerts.yaml does."""
    pages = {alert["alert"]: Path(alert["annotations"]["runbook_url"]).name for alert in ALERTS}
    assert sorted(pages.values()) == sorted({page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"})
    rows = re.findall(r"^\| `(\w+)` \| \[.*?\]\((.*?)\) \|$", (RUNBOOKS / "README.md").read_text(), re.MULTILINE)
    assert rows == list(pages.items())


def test_each_alert_is_tried(exported: dict[str, str]) -> None:
    """alerts_test.yaml, for `promtool test rules`, has a case in which each alert fires, out of metrics that exist."""
    (tried,) = yaml.safe_load((ROOT / "docs/monitoring/alerts_test.yaml").read_text())["tests"]
    fire = [case["alertname"] for case in tried["alert_rule_test"] if "exp_alerts" in case]
    assert fire == [alert["alert"] for alert in ALERTS]
    found = [fault for one in tried["input_series"] for fault in faults(one["series"], exported)]
    assert [fault for fault in found if "never has" not in fault] == []  # it has hosts and versions of its own


def test_every_metric_a_runbook_names_exists(exported: dict[str, str]) -> None:
    """Also those in the queries that it gives."""
    for page in RUNBOOKS.glob("*.md"):
        code = " ".join(re.findall(r"`([^`\n]+)`", page.read_text()))
        found = [name for name in re.findall(r"\blens_[a-z_]+", code) if re.sub(r"_bucket$", "", name) not in exported]
        assert found == [], page.name


def test_every_address_and_command_a_runbook_names_exists() -> None:
    """What somebody is told to ask for or to type at night is there."""
    addresses = {re.sub(r"\{[^}]*\}", "", known) for known in endpoints()}
    for page in RUNBOOKS.glob("*.md"):
        code = re.findall(r"`([^`\n]+)`", page.read_text())
        asked = [re.sub(r"\{[^}]*\}|\?.*", "", one) for one in code if re.match("(GET|POST) /", one)]
        typed = [re.match(r"lens ((?:[a-z]+ ?)+)", one) for one in code if one.startswith("lens ")]
        words = [match[1] for match in typed if match is not None]
        assert [one for one in asked if one not in addresses] == [], page.name
        assert [one for one in words if not any(one.strip().startswith(known) for known in commands())] == [], page.name


QUERIES = [(panel["title"], target["expr"]) for panel in PANELS for target in panel.get("targets", ())]


@pytest.mark.parametrize(("title", "query"), QUERIES, ids=[f"{title}-{n}" for n, (title, _) in enumerate(QUERIES)])
def test_a_panel_asks_for_what_there_is(title: str, query: str, exported: dict[str, str]) -> None:
    """Its metrics, labels and values exist."""
    assert list(faults(query, exported)) == []


def test_the_dashboard_shows_every_metric(exported: dict[str, str]) -> None:
    """Some panel asks for each."""
    asked = " ".join(query for _, query in QUERIES)
    assert [name for name in exported if name not in asked] == []


def test_the_dashboard_is_well_formed() -> None:
    """Panels have ids of their own, lie within 24 columns and not on each other, and ask the source that is chosen."""
    assert (DASHBOARD["uid"], DASHBOARD["schemaVersion"]) == ("lens", 39)
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= 24 for place in places)
    for one, other in combinations(places, 2):
        apart = any(one[p] + one[s] <= other[p] or other[p] + other[s] <= one[p] for p, s in (("x", "w"), ("y", "h")))
        assert apart, (one, other)
    for panel in PANELS:
        assert panel["type"] in {"row", "stat", "timeseries", "table"}
        if panel["type"] != "row":
            refs = [target["refId"] for target in panel["targets"]]
            assert refs == sorted(set(refs))
            assert all(target["datasource"] == panel["datasource"] for target in panel["targets"])
            assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("sum(rate(lens_atempts_total[5m]))", "there is no metric lens_atempts_total"),
        ("rate(lens_sent_seconds[5m])", "there is no metric lens_sent_seconds"),
        ('lens_messages{staet="TX"}', "lens_messages has no label staet"),
        ('lens_queue_oldest_seconds{status=~"queued|sneding"}', "lens_queue_oldest_seconds never has sneding"),
        ("max by (orri) (lens_lane_fails)", "nothing has the label orri"),
        ("vector(1)", "it asks for nothing: vector(1)"),
    ],
)
def test_a_wrong_query_is_seen(query: str, fault: str, exported: dict[str, str]) -> None:
    """Each kind of fault, planted."""
    assert fault in list(faults(query, exported))
