"""What is seen from outside is documented, and what watches it asks for what there is."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from app.api.health import _page
from app.api.metrics import Metrics
from app.api.parts import Parts
from app.api.store_metrics import StoreFigures
from app.dispatch.counts import Counts
from app.domain.surge import Breaker
from tests.dispatch.outbox_rows import store_in

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The type of each metric that /metrics has, by its name in queries."""
    store = store_in(tmp_path_factory.mktemp("store"))
    parts = SimpleNamespace(
        writer=SimpleNamespace(groups=0, items=0),
        shelf=SimpleNamespace(in_force=SimpleNamespace(version="0" * 12), problem=None),
        ready={},
        metrics=Metrics(),
        store_figures=StoreFigures(store, lambda: 0, Breaker()),
        counts=Counts,
    )
    page = _page(cast("Parts", parts)).decode()
    store.close()
    return dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))


def test_every_metric_is_documented_and_no_other(exported: dict[str, str]) -> None:
    """docs/reference/metrics.md has a row for each metric of the page."""
    rows = re.findall(r"^\| `(lens_[a-z_]+)` \|", (ROOT / "docs/reference/metrics.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(exported)
