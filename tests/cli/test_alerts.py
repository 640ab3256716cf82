from typing import Any

import pytest
import yaml

from tests.cli.conftest import Lens
from tests.cli.programs import ROOT

RULES = ROOT / "docs/monitoring/alerts.yaml"


def runbooks(text: str) -> dict[str, str]:
    """The address of the runbook of each alert."""
    groups: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    return {rule["alert"]: rule["annotations"]["runbook_url"] for group in groups for rule in group["rules"]}


@pytest.mark.parametrize(
    ("url", "dead_letter"),
    [
        ("https://docs.example.org/lens/runbooks", "https://docs.example.org/lens/runbooks/dead-letter.md"),
        ("https://docs.example.org/lens/runbooks/", "https://docs.example.org/lens/runbooks/dead-letter.md"),
        ("https://wiki.example.org/{page}?view=1", "https://wiki.example.org/dead-letter?view=1"),
    ],
)
def test_every_alert_leads_to_where_the_runbooks_are(lens: Lens, url: str, dead_letter: str) -> None:
    """Nothing but the addresses is changed, and every one of them is."""
    code, out, _ = lens("alerts", str(RULES), RUNBOOK_URL=url)
    before, after = RULES.read_text(), out
    assert code == 0
    assert runbooks(after)["LensDeadLetter"] == dead_letter
    assert {address.startswith(url[:20]) for address in runbooks(after).values()} == {True}
    changed = [(old, new) for old, new in zip(before.splitlines(), after.splitlines(), strict=True) if old != new]
    assert len(changed) == len(runbooks(before)) == sum("runbook_url: " in new for _, new in changed)


def test_what_is_missing_is_said(lens: Lens) -> None:
    """The setting, the file, or the addresses in it."""
    code, _, err = lens("alerts", str(RULES))
    assert (code, "LENS_RUNBOOK_URL" in err) == (2, True)
    url = {"RUNBOOK_URL": "https://docs.example.org"}
    assert lens("alerts", **url)[0] == 1
    assert "has no runbook_url" in lens("alerts", str(ROOT / "pyproject.toml"), **url)[2]
    assert lens("alerts", str(RULES), RUNBOOK_URL="docs.example.org")[0] == 2
