"""What is told of a rulebook besides its cases, over HTTP: safeguards that are gone, scenarios that fail, and why it is taken back."""

from pathlib import Path

import httpx
import pytest

from app.decide.decide import Decider
from app.rulebook.files.source import SourceFile
from tests.api.serving import Service, serving
from tests.api.test_rulebooks import FILES, TAR, act, audit, changed, drafted, live, tarred

RELEASE_TEST = "rules/scenarios/release_test.yaml"
NAME = "To the U.S. Marshals, a person decides"
HOLD = "Nothing is ever sent for a person with a hold"
DULL = (".", "xx", "aaaa", "   ", "", "two\nlines", 5, None)


def draft_of(service: Service, files: tuple[SourceFile, ...], **said: str) -> httpx.Response:
    """The answer to a draft."""
    with service.client("policy") as client:
        return client.post("/v1/rulebooks", content=tarred(files), headers=TAR, params=said)


def without_words(service: Service, version: str, what: str, name: str, **more: str) -> None:
    """Each dull text is refused as what it is, with the pointer of its field."""
    for text in DULL:
        answer = act(service, version, what, **{**more, name: text})
        found = [(fault["pointer"], fault["code"]) for fault in answer.json()["errors"]]
        assert answer.status_code == 422
        assert found in [[(f"/{name}", code)] for code in ("no-words", "length", "control-character", "type")]


def test_reasons_are_words_wherever_a_rulebook_asks_for_one(service: Service) -> None:
    """A rejection, an older bundle, a rollback, what corrects the past, a draft: each is refused without words that say why."""
    first = live(service)
    version = drafted(service, "WORDED")
    without_words(service, version, "reject", "comment")
    without_words(service, version, "publish", "older")
    without_words(service, first, "rollback", "reason")
    without_words(service, version, "approve", "corrects_past", diff_seen=first)
    for name in ("reason", "corrects_past"):
        answer = draft_of(service, FILES, **{name: "xx"})
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "no-words")


def test_a_rollback_without_a_reason_changes_nothing(service: Service) -> None:
    """It is 422 with what is missing, and what is live stays."""
    first = live(service)
    answer = act(service, first, "rollback")
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert answer.json()["errors"][0]["code"] == "required"
    assert live(service) == first


def test_what_a_version_guards_no_longer_is_told_at_each_step(service: Service) -> None:
    """By draft, approval, publication and the diff; and the rollback, which brings it back, has nothing to tell of it."""
    first = live(service)
    promise = f"  - name: {HOLD}\n    when: {{hold: {{not: none}}}}\n    expect: {{sends: []}}\n"
    answer = draft_of(service, changed(promise, "", RELEASE_TEST))
    version = answer.json()["version"]
    approved = act(service, version, "approve", diff_seen=first)
    published = act(service, version, "publish")
    with service.client("approver") as client:
        diff = client.get(f"/v1/rulebooks/{first}/diff/{version}").json()
    for told in (answer.json(), approved.json(), published.json(), diff):
        assert [(loss["kind"], loss["change"], loss["name"]) for loss in told["losses"]] == [("promise", "gone", HOLD)]
    for told in (answer.json(), approved.json(), published.json()):
        assert told["warnings"] == [f'1 promise is gone: "{HOLD}".']
    back = act(service, version, "rollback", reason="The promise is missing").json()
    assert (back["version"], back["losses"], back["warnings"]) == (first, [], [])
    rows = audit(service, f"rulebook {version}")
    assert [row["detail"]["losses"] for row in rows if row["action"] == "approve_rulebook"] == [1]


def test_a_rollback_tells_what_changes_for_days_before_today(service: Service) -> None:
    """As an approval does: how many cases, against the version that was taken back."""
    first = live(service)
    files = tuple(
        SourceFile(each.name, each.content.replace(b"WISIR0000", b"WI0130000"))
        if each.name in {"ref_data/states.yaml", "rules/scenarios/tables_test.yaml"}
        else each
        for each in FILES
    )
    version = draft_of(service, files).json()["version"]
    approved = act(service, version, "approve", diff_seen=first, corrects_past="The address was wrong")
    assert approved.json()["past"]["against"] == first
    assert act(service, version, "publish").json()["past"]["changed"] == approved.json()["past"]["changed"] > 0
    back = act(service, version, "rollback", reason="The state asked for it").json()
    assert back["past"]["against"] == version
    assert back["past"]["changed"] == approved.json()["past"]["changed"]
    assert back["warnings"][0].startswith("Days before today change")


def test_a_live_rulebook_whose_scenarios_fail_is_told_everywhere(tmp_path: Path, decider: Decider) -> None:
    """Under `LENS_REQUIRE_SCENARIOS=no`: in the answers, by /readyz and by the metrics, until another one is live."""
    good, wrong = (f"  - name: {NAME}\n    but: {{release_reason: USM}}\n    expect: {{outcome: {word}" for word in OUTCOMES)
    with serving(tmp_path, decider, require_scenarios=False) as service, service.client() as client:
        first = live(service)
        version = draft_of(service, changed(good, wrong, RELEASE_TEST)).json()["version"]
        act(service, version, "approve", diff_seen=first)
        published = act(service, version, "publish").json()
        assert any(NAME in words for words in published["warnings"])
        health = client.get("/readyz").json()
        assert health["status"] == "degraded"
        assert f"{version} decides although 1 scenario fails" in health["parts"]["rulebook"]
        page = client.get("/metrics").text
        assert "lens_rulebook_degraded 1.0" in page
        assert f'lens_rulebook_scenario_failing{{scenario="{NAME}"}} 1.0' in page


OUTCOMES = ("hold_for_review", "notify")


@pytest.mark.parametrize("required", [True, False])
def test_a_rulebook_without_scenarios(tmp_path: Path, decider: Decider, *, required: bool) -> None:
    """It is stored with a warning, and cannot be approved; where scenarios are not required it goes live, and /readyz says so."""
    with serving(tmp_path, decider, require_scenarios=required) as service, service.client() as client:
        draft = draft_of(service, tuple(each for each in FILES if "/scenarios/" not in each.name))
        version = draft.json()["version"]
        assert any("it has no scenario" in words for words in draft.json()["warnings"])
        approved = act(service, version, "approve", diff_seen=live(service))
        if required:
            assert (approved.status_code, "it has no scenario" in approved.json()["detail"]) == (409, True)
            return
        assert approved.status_code == 200
        act(service, version, "publish")
        assert f"{version} decides although it has no scenario" in client.get("/readyz").json()["parts"]["rulebook"]
