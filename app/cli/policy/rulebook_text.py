"""A version of the rulebook, in words for a terminal."""

from collections.abc import Iterator, Sequence

from app.cli.printing import minute
from app.rulebook.bundles.versions import CheckResult
from app.store.rulebooks.rulebook_reads import RulebookVersion

_HEADING = ("version", "state", "drafted", "by", "approved by", "live since")


def as_table(versions: Sequence[RulebookVersion]) -> str:
    """Versions as a table, however wide the terminal is; nothing for none."""
    if not versions:
        return ""
    rows = [_HEADING, *map(_row, versions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(map(str.rstrip, lines))


def _row(version: RulebookVersion) -> tuple[str, ...]:
    since = minute(version.publications[-1].live_at) if version.publications else ""
    drafted = (version.version, version.state, minute(version.drafted_at), version.drafted_by)
    return (*drafted, version.approved_by or "", since)


def summary(version: RulebookVersion) -> str:
    """Its check on one line."""
    check = version.check
    failed = check.scenarios.failing.count
    proved = f"proved over {check.proofs.cases:,} cases"
    warnings = f"{len(check.problems)} warning{'' if len(check.problems) == 1 else 's'}"
    return f"{proved}, {warnings}, {check.scenarios.run:,} scenarios run, {failed:,} failed"


def failed_lines(check: CheckResult) -> Iterator[str]:
    """The scenarios that failed, a line for each of the first, and how many more did."""
    failing = check.scenarios.failing
    yield from (f"scenario failed: {name}" for name in failing.names)
    if failing.count > len(failing.names):
        yield f"{failing.count - len(failing.names):,} more scenarios failed"


def as_lines(version: RulebookVersion) -> Iterator[str]:
    """All that is known of it."""
    yield f"{version.version} is {version.state}{', signed' if version.signed else ''}"
    yield f"sha256    {version.sha256}"
    yield from _said("title     ", version.title)
    yield from _said("reason    ", version.reason)
    yield from _said("sequence  ", version.sequence)
    yield f"drafted   {minute(version.drafted_at)} by {version.drafted_by}"
    if version.approved_at is not None:
        change = f", as a change from {version.approved_against}" if version.approved_against else ""
        yield f"approved  {minute(version.approved_at)} by {version.approved_by}{change}"
    if version.rejected_at is not None:
        yield f"rejected  {minute(version.rejected_at)} by {version.rejected_by}"
    yield from _said("comment   ", version.comment)
    yield from _said("corrects the past: ", version.corrects_past)
    yield f"check     {summary(version)}"
    for problem in version.check.problems:
        place = f"{problem['file']}:{problem['line']}:{problem['column']}"
        yield f"          {problem['severity']}[{problem['code']}] {place}: {problem['message']}"
    for line in failed_lines(version.check):
        yield f"          {line}"
    for each in version.publications:
        why = f": {each.reason}" if each.reason else ""
        yield f"live      {minute(each.live_at)} by {each.by} ({each.way}){why}"


def _said(name: str, value: object) -> Iterator[str]:
    if value is not None:
        yield f"{name}{value}"
