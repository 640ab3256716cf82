import gzip
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.api.rulebooks.rulebook_body import UPLOAD_LIMIT
from app.decide.decide import Decider
from app.publishing.library import Unusable
from app.publishing.rulebooks import AT_ONCE
from app.rulebook.bundles.bundle import pack, read_bundle_folder
from app.rulebook.bundles.signing import new_signer
from app.rulebook.files.source import SourceFile
from app.store.tables.main import MESSAGE, RELEASE
from tests.api.serving import EXAMPLE, ROOT, Service, as_json, serving

FILES = read_bundle_folder(ROOT, vouched=False).files
NOON = "2026-11-23T12:00:00Z"
TAR = {"Content-Type": "application/x-tar"}


def changed(old: str, new: str, file: str = "rules/messages.yaml") -> tuple[SourceFile, ...]:
    """The shipped rulebook with a text replaced; where it is the words of a notice, in the scenario that has them too."""
    before = next(each.content for each in FILES if each.name == file)
    assert old.encode() in before
    files = {file, "rules/scenarios/words_test.yaml"} if file == "rules/messages.yaml" else {file}
    return tuple(
        SourceFile(each.name, each.content.replace(old.encode(), new.encode()) if each.name in files else each.content)
        for each in FILES
    )


def tarred(files: tuple[SourceFile, ...]) -> bytes:
    """The files as a bundle."""
    return pack(files, NOON)


def drafted(service: Service, word: str) -> str:
    """A draft with another wording; its version."""
    with service.client("policy") as client:
        answer = client.post("/v1/rulebooks", content=tarred(changed("INFORMATION ONLY", word)), headers=TAR)
        assert answer.status_code in {200, 201}, answer.text
        return str(answer.json()["version"])


def live(service: Service) -> str:
    """What decides."""
    with service.client("policy") as client:
        return str(client.get("/v1/rulebook").json()["version"])


def act(service: Service, version: str, what: str, **body: Any) -> httpx.Response:  # noqa: ANN401 - a JSON body
    """What an approver does with a version."""
    with service.client("approver") as client:
        return client.post(f"/v1/rulebooks/{version}/{what}", json=body or None)


def test_a_rulebook_goes_live_and_is_taken_back(service: Service) -> None:
    """Draft, diff, approval, publication, rollback; decisions name the version that is live, and can be made again under any."""
    first = live(service)
    version = drafted(service, "FOR INFORMATION")
    assert live(service) == first
    with service.client("approver") as client:
        diff = client.get(f"/v1/rulebooks/{first}/diff/{version}").json()
        assert (diff["old"], diff["new"], diff["changed"], diff["past"], diff["replay"]) == (first, version, 0, 0, None)
        assert diff["past_reworded"] == sum(group["past"] for group in diff["groups"]) > 0
        assert diff["reworded"] == sum(group["count"] for group in diff["groups"]) > 0
        assert all("FOR INFORMATION" in group["texts"]["after"] for group in diff["groups"])
        assert '+      - "LENS {message_id} ICE RELEASE NOTICE - FOR INFORMATION"' in diff["files"][0]["diff"]
    assert act(service, version, "publish").status_code == 409
    approved = act(service, version, "approve", diff_seen=first)
    assert (approved.status_code, approved.json()["state"], approved.json()["approved_by"]) == (200, "approved", "the approver")
    published = act(service, version, "publish").json()
    assert (published["state"], published["publications"][0]["by"]) == ("live", "the approver")
    with service.client() as client:
        body = as_json(EXAMPLE)
        now, then = (client.post(f"/v1/decisions{query}", content=body).json() for query in ("", f"?rulebook={first}"))
        assert (now["rulebook"], then["rulebook"]) == (version, first)
        assert "FOR INFORMATION" in now["messages"][0]["text"]
        assert "FOR INFORMATION" not in then["messages"][0]["text"]
        assert client.get("/metrics").text.count(f'lens_rulebook_info{{version="{version}"}} 1.0') == 1
    back = act(service, version, "rollback", reason="Notices said too little")
    assert (back.status_code, back.json()["version"], back.json()["publications"][-1]["way"]) == (200, first, "rollback")
    assert live(service) == first
    with service.client() as client:
        again = client.post(f"/v1/decisions?rulebook={version}", content=as_json(EXAMPLE)).json()
    assert again == now
    trail = [(each["actor"], each["action"], each["outcome"]) for each in audit(service, f"rulebook {version}")]
    assert trail == [
        ("the policy", "draft_rulebook", "stored"),
        ("the approver", "publish_rulebook", "refused"),
        ("the approver", "approve_rulebook", "approved"),
        ("the approver", "publish_rulebook", "live"),
    ]
    assert [each["outcome"] for each in audit(service, f"rulebook {first}")][-1] == "live"


def audit(service: Service, about: str) -> list[dict[str, Any]]:
    """What the trail says about an object."""
    with service.client("auditor") as client:
        items = client.get("/v1/audit?limit=1000").json()["items"]
    return [item for item in items if item["object"] == about]


def test_every_way_to_send_it_is_the_same_version(service: Service) -> None:
    """A tar file, gzipped, with its type or without, or a part for each file named by field or filename: one rulebook, once."""
    version = drafted(service, "WAYS")
    files = changed("INFORMATION ONLY", "WAYS")
    with service.client("policy") as client:
        for answer in (
            client.post("/v1/rulebooks", content=gzip.compress(tarred(files)), headers={"Content-Type": "application/gzip"}),
            client.post("/v1/rulebooks", content=tarred(files)),
            client.post("/v1/rulebooks", files=[("files", (file.name, file.content)) for file in files]),
            client.post("/v1/rulebooks", files=[(file.name, (Path(file.name).name, file.content)) for file in files]),
            client.post("/v1/rulebooks", files={"rulebook": ("mine.tar.gz", gzip.compress(tarred(files)))}),
        ):
            assert (answer.status_code, answer.json()["version"]) == (200, version), answer.text
        listed = [item["version"] for item in client.get("/v1/rulebooks?limit=1000").json()["items"]]
        assert listed.count(version) == 1
        one = client.get(f"/v1/rulebooks/{version}").json()
    assert [(file["name"], file["text"].encode()) for file in one["files"]] == [(file.name, file.content) for file in files]
    assert (one["state"], one["drafted_by"], one["check"]["problems"]) == ("draft", "the policy", [])
    assert one["check"]["proofs"]["cases"] > 1_000_000


def test_a_rulebook_with_errors_is_refused_whole(service: Service) -> None:
    """422 with every error: code, file, line, column; nothing is stored."""
    with service.client("policy") as client:
        before = client.get("/v1/rulebooks?limit=1000").json()["items"]
        bad = tarred(changed("release_reasons.into_us", "release_reasons.in_us", "rules/eligibility.yaml"))
        answer = client.post("/v1/rulebooks", content=bad, headers=TAR)
        told = answer.json()["errors"]
        assert answer.status_code == 422
        assert {error["code"] for error in told} >= {"R106"}
        assert told[0]["pointer"] == "/rules/eligibility.yaml"
        assert {"file", "line", "column", "message"} <= set(told[0])
        assert client.get("/v1/rulebooks?limit=1000").json()["items"] == before


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", TAR, 422, "not-a-tar"),
        (b"hello", {"Content-Type": "application/gzip"}, 422, "not-a-tar"),
        (tarred((SourceFile("rules/../etc/a.yaml", b""),)), TAR, 422, "path"),
        (tarred((SourceFile("rules/a.sh", b""),)), TAR, 422, "file-kind"),
        (b"x", {"Content-Type": "multipart/form-data"}, 422, "not-multipart"),
        (b"--b\r\n", {"Content-Type": "multipart/form-data; boundary=b"}, 422, "empty"),
        (
            b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nx\r\n--b--\r\n',
            {"Content-Type": "multipart/form-data; boundary=b"},
            422,
            "no-file",
        ),
        (b"{}", {"Content-Type": "application/json"}, 415, None),
        (bytes(UPLOAD_LIMIT + 1), TAR, 413, "too-large"),
        (gzip.compress(bytes(64 * 1024 * 1024), 1), {"Content-Type": "application/gzip"}, 422, "too-large"),
    ],
)
def test_what_is_no_rulebook(service: Service, body: bytes, headers: dict[str, str], status: int, code: str | None) -> None:
    """Each is told by its code, and none breaks anything."""
    with service.client("policy") as client:
        answer = client.post("/v1/rulebooks", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    assert code is None or code in [error["code"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (None, "required"),
        ("{}", "required"),
        ("[]", "type"),
        ('{"diff_seen": 1}', "pattern"),
        ('{"diff_seen": "x"}', "pattern"),
        ('{"diff_seen": null}', "pattern"),
    ],
)
def test_an_approval_says_which_diff_was_seen(service: Service, body: str | None, code: str) -> None:
    """Without it, it is told where to look; a body that fits not is told as ever."""
    version = drafted(service, "SEEN")
    with service.client("approver") as client:
        answer = client.post(f"/v1/rulebooks/{version}/approve", content=body)
    assert answer.status_code == 422
    assert [error["code"] for error in answer.json()["errors"]] == [code]
    if code == "required":
        assert f"/v1/rulebooks/{live(service)}/diff/{version}" in answer.text


def test_the_drafter_may_not_approve(service: Service) -> None:
    """Not even with a key that holds every role: it takes a second person."""
    with service.client() as client:
        body = tarred(changed("INFORMATION ONLY", "MINE"))
        version = client.post("/v1/rulebooks", content=body, headers=TAR).json()["version"]
        answer = client.post(f"/v1/rulebooks/{version}/approve", json={"diff_seen": live(service)})
    assert (answer.status_code, "another person" in answer.json()["detail"]) == (409, True)
    assert act(service, version, "approve", diff_seen=live(service)).status_code == 200


def test_what_is_not_there(service: Service) -> None:
    """404 for a version nobody drafted, 422 for what is none."""
    with service.client() as client:
        none = "0123456789ab"
        for path in (f"/v1/rulebooks/{none}", f"/v1/rulebooks/{none}/diff/{none}"):
            assert client.get(path).status_code == 404
        for what, body in (("approve", {"diff_seen": none}), ("publish", None), ("rollback", {"reason": "Wrong state"})):
            assert client.post(f"/v1/rulebooks/{none}/{what}", json=body).status_code == 404
        assert client.post(f"/v1/decisions?rulebook={none}", content=as_json(EXAMPLE)).status_code == 404
        for path in ("/v1/rulebooks/x", f"/v1/rulebooks/{none}/diff/latest", "/v1/rulebooks?cursor=!"):
            assert client.get(path).status_code == 422


def test_only_signed_rulebooks(tmp_path: Path, decider: Decider) -> None:
    """With trusted keys nothing unsigned is drafted, published or goes on being live: what is live must be signed first."""
    signer = new_signer()
    (tmp_path / "trusted").write_text(signer.public("ann").line())
    only_signed: dict[str, object] = {"rulebook_trusted_keys": tmp_path / "trusted", "rulebook_source": "published"}
    with serving(tmp_path, decider) as service:
        unsigned = drafted(service, "UNSIGNED")
        act(service, unsigned, "approve", diff_seen=live(service))
    with pytest.raises(Unusable, match="not-signed"), serving(tmp_path, decider, **only_signed):
        pass
    with serving(tmp_path, decider) as service, service.client("policy") as client:
        answer = client.post("/v1/rulebooks", content=pack(FILES, NOON, signer), headers=TAR)
        assert (answer.status_code, answer.json()["signed"]) == (200, True)
    with serving(tmp_path, decider, **only_signed) as service, service.client("policy") as client:
        refused = act(service, unsigned, "publish")
        assert (refused.status_code, "not-signed" in refused.json()["detail"]) == (409, True)
        files = changed("INFORMATION ONLY", "SIGNED")
        refused = client.post("/v1/rulebooks", content=pack(files, NOON, new_signer()), headers=TAR)
        assert (refused.status_code, refused.json()["errors"][0]["code"]) == (422, "not-signed")
        version = client.post("/v1/rulebooks", content=pack(files, NOON, signer), headers=TAR).json()["version"]
        assert act(service, version, "approve", diff_seen=live(service)).status_code == 200
        assert act(service, version, "publish").json()["state"] == "live"


def test_a_draft_has_a_title_and_is_sent_back_with_a_comment(service: Service) -> None:
    """What people say of it stands in every answer; sent back it cannot be approved, until it is drafted again."""
    body = tarred(changed("INFORMATION ONLY", "SENT BACK"))
    with service.client("policy") as client:
        said = {"title": "New words", "reason": "Memo of 3 November"}
        draft = client.post("/v1/rulebooks", content=body, headers=TAR, params=said).json()
        assert (draft["title"], draft["reason"], draft["state"]) == ("New words", "Memo of 3 November", "draft")
        assert draft["sha256"].startswith(draft["version"])
        sha256, seen = draft["sha256"], client.get("/v1/rulebook").json()["sha256"]
        assert act(service, sha256, "reject").status_code == 422
        back = act(service, sha256, "reject", comment="Say it shorter").json()
        assert (back["state"], back["rejected_by"], back["comment"]) == ("rejected", "the approver", "Say it shorter")
        refused = act(service, sha256, "approve", diff_seen=seen)
        assert (refused.status_code, "sent rulebook" in refused.json()["detail"]) == (409, True)
        assert client.post("/v1/rulebooks", content=body, headers=TAR).json()["state"] == "draft"
    done = act(service, sha256, "approve", diff_seen=seen, comment="Agreed").json()
    assert (done["state"], done["comment"], done["version"]) == ("approved", "Agreed", draft["version"])


def test_multipart_says_title_and_reason_in_fields(service: Service) -> None:
    """Beside the files; what is no such field is refused."""
    files = [(file.name, (file.name, file.content)) for file in changed("INFORMATION ONLY", "FIELDS")]
    with service.client("policy") as client:
        draft = client.post("/v1/rulebooks", files=files, data={"title": "Fields", "reason": "A test"})
        assert (draft.status_code, draft.json()["title"], draft.json()["reason"]) == (201, "Fields", "A test")
        for data, code in (({"titel": "x"}, "no-file"), ({"title": " "}, "length"), ({"reason": "a\nb"}, "control-character")):
            answer = client.post("/v1/rulebooks", files=files, data=data)
            assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, code)
    assert [each["outcome"] for each in audit(service, "rulebook")][-2:] == ["refused"] * 2


def test_a_draft_whose_scenarios_fail_cannot_be_approved(service: Service) -> None:
    """It is stored with their names, and approving it is refused with them."""
    wrong = changed("outcome: hold_for_review", "outcome: notify", "rules/scenarios/release_test.yaml")
    with service.client("policy") as client:
        draft = client.post("/v1/rulebooks", content=tarred(wrong), headers=TAR)
    assert draft.status_code == 201
    failed = draft.json()["check"]["scenarios"]["failed"]
    answer = act(service, draft.json()["version"], "approve", diff_seen=live(service))
    assert (answer.status_code, failed[0] in answer.json()["detail"]) == (409, True)


def test_a_release_and_its_messages_hold_the_full_hash(service: Service) -> None:
    """Of what decided them: the label in the answer is only its beginning."""
    with service.client() as client:
        sha256 = client.get("/v1/rulebook").json()["sha256"]
        body = as_json({**EXAMPLE, "release_id": "EX-FULL-HASH"})
        assert client.post("/v1/releases", content=body).json()["rulebook"] == sha256[:12]
    with service.store.read.connect() as connection:
        release = connection.execute(select(RELEASE).where(RELEASE.c.release_id == "EX-FULL-HASH")).one()
        found = connection.execute(select(MESSAGE.c.rulebook).where(MESSAGE.c.release == release.id)).all()
    assert release.rulebook == sha256
    assert len(found) > 0
    assert {row.rulebook for row in found} == {sha256}


def test_only_so_many_rulebooks_are_taken_at_once(service: Service) -> None:
    """One more gets 503 with Retry-After before its body is read; when there is room again it is taken."""
    body = tarred(changed("INFORMATION ONLY", "AT ONCE"))
    with ExitStack() as busy, service.client("policy") as client:
        for _ in range(AT_ONCE):
            busy.enter_context(service.rulebooks.taking_one())
        refused = client.post("/v1/rulebooks", content=body, headers=TAR)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
        busy.close()
        assert client.post("/v1/rulebooks", content=body, headers=TAR).status_code == 201


def test_an_answer_about_very_many_faults_is_short(service: Service) -> None:
    """The first hundred are told, of either kind, and how many there are; the words of none are long."""
    many = b"kind: " + b"k" * 1_000_000 + b"\n"
    upload = tarred(
        tuple(SourceFile(f"rules/more{number:03}.yaml", many if number < 9 else b"a: b\n") for number in range(300))
    )
    with service.client("policy") as client:
        faulty = client.post("/v1/rulebooks", content=gzip.compress(upload), headers={"Content-Type": "application/gzip"})
        odd = [(f"rules/{number}.exe", (f"rules/{number}.exe", b"")) for number in range(300)]
        strange = client.post("/v1/rulebooks", files=odd)
    for answer in (faulty, strange):
        assert (answer.status_code, len(answer.json()["errors"])) == (422, 100)
        assert len(answer.content) < 300_000
