"""Figures of the processes and of what they are built from: versions, certificates, memory, processor time, open files."""

import os
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from platform import python_version
from typing import NamedTuple

from prometheus_client import ProcessCollector
from prometheus_client.core import GaugeMetricFamily, Metric


class About(NamedTuple):
    """What does not change while a process runs. `database` is its kind and version.

    `certificates`: of each setting that names some, the end of the first that ends, in seconds since 1970; 0 where unreadable.
    """

    database: str
    certificates: Mapping[str, float]
    public_url: str | None = None
    """The address by which callers reach the service, where it is set."""


def about_metrics(about: About) -> Iterable[Metric]:
    """What the process that answers is built from, and how long its certificates last."""
    build = GaugeMetricFamily(
        "lens_build_info",
        "What the process that answers is built from.",
        labels=("version", "python", "database", "rules_engine"),
    )
    build.add_metric((version("lens"), python_version(), about.database, f"durable_rules {version('durable-rules')}"), 1)
    yield build
    certificates = GaugeMetricFamily(
        "lens_certificate_not_after_timestamp_seconds",
        "When the first certificate that this setting names ends; 0: it cannot be read.",
        labels=("setting",),
    )
    for setting, end in about.certificates.items():
        certificates.add_metric((setting,), end)
    yield certificates


def process_metrics_of(pids: Iterable[int]) -> Iterable[Metric]:
    """Memory, processor time and open files of each of these processes, labelled by its id."""
    families: dict[str, Metric] = {}
    for pid in pids:
        for found in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():  # type: ignore[misc]
            family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
            for sample in found.samples:
                family.add_sample(sample.name, {**sample.labels, "pid": str(pid)}, sample.value)
    return families.values()


def own_processes(*, several: bool) -> list[int]:
    """This process alone, or with `several` all that its supervisor has started: workers and dispatcher."""
    supervisor = os.getppid()
    children = Path(f"/proc/{supervisor}/task/{supervisor}/children")
    if not several or not children.exists():
        return [os.getpid()]
    return sorted(int(pid) for pid in children.read_text().split())
