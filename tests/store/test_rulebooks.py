from typing import Any

import msgspec
import pytest
from sqlalchemy import text as sql
from sqlalchemy.exc import DBAPIError

from app.domain.times import rfc3339
from app.errors import Conflict, LensError, NotFound
from app.rulebook.bundles.bundle import Bundle, pack, read_tar
from app.rulebook.bundles.signing import new_signer
from app.rulebook.bundles.versions import CheckResult, Proofs, ScenarioRun
from app.rulebook.files.source import SourceFile
from app.rulebook.reading import content
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.rulebooks.rulebook_reads import all_versions, bundle_of_version, get_with_files, list_versions, pointer
from app.store.rulebooks.rulebook_rejection import Reject, reject
from app.store.rulebooks.rulebooks import (
    Approve,
    Barred,
    Draft,
    Kept,
    Publish,
    Published,
    TakeIn,
    approve,
    draft,
    publish,
    roll_back,
    take_in,
)
from app.store.trail.trail_check import breaks, verify
from tests.store.invented import NOON, rows, run

CHECK = msgspec.json.encode(CheckResult((), Proofs(1, 1, (), ()), ScenarioRun(1, ()))).decode()


def bundle(text: str) -> Bundle:
    """A rulebook that differs by this text; the store asks for no sense in it."""
    return Bundle((SourceFile("ref_data/a.csv", b"x\r\n\xef"), SourceFile("rules/a.yaml", text.encode())))


A, B, C = (bundle(text).version for text in "abc")


def drafted(store: Store, text: str, by: str = "ann", kind: Bundle | None = None) -> Kept | LensError:
    """Drafts a rulebook."""
    return run(store, draft, Draft(kind or bundle(text), CHECK, by, NOON))[0]


def approved(store: Store, version: str, seen: str | None, by: str = "ben") -> LensError | None:
    """Approves a version."""
    return run(store, approve, Approve(version, seen, by, NOON))[0]


def published(store: Store, version: str, lead: int = 0) -> Published | LensError:
    """Publishes a version."""
    return run(store, publish, Publish(version, "ben", NOON, lead))[0]


def back(store: Store, version: str) -> Published | LensError:
    """Takes one step back."""
    return run(store, roll_back, Publish(version, "ben", NOON, 0))[0]


def live(store: Store) -> str | None:
    """What is live."""
    return look(store, pointer).version


def go_live(store: Store, text: str) -> str:
    """Drafts, approves and publishes a rulebook; its version."""
    drafted(store, text)
    version = bundle(text).version
    assert approved(store, version, live(store)) is None
    assert isinstance(published(store, version), Published)
    return version


def trail(store: Store) -> list[tuple[Any, ...]]:
    """What the audit trail says of rulebooks."""
    return rows(store, "SELECT actor, action, object, outcome FROM audit WHERE object LIKE 'rulebook %' ORDER BY id")


def test_a_version_goes_through_its_life(store: Store) -> None:
    """Draft, approved, live, retired; each step is in the trail, and the trail is whole."""
    drafted(store, "a")
    states = [look(store, all_versions)[0].state]
    approved(store, A, None)
    states.append(look(store, all_versions)[0].state)
    published(store, A)
    states.append(look(store, all_versions)[0].state)
    go_live(store, "b")
    states.append(look(store, all_versions)[0].state)
    assert states == ["draft", "approved", "live", "retired"]
    assert trail(store)[:3] == [
        ("ann", "draft_rulebook", f"rulebook {A}", "stored"),
        ("ben", "approve_rulebook", f"rulebook {A}", "approved"),
        ("ben", "publish_rulebook", f"rulebook {A}", "live"),
    ]
    assert look(store, verify) is None


def test_files_come_back_byte_for_byte(store: Store) -> None:
    """Whatever bytes they have, under the hash they came with, and shown as text."""
    drafted(store, "a")
    found = look(store, lambda connection: bundle_of_version(connection, A))
    assert found == bundle("a")
    shown = look(store, lambda connection: get_with_files(connection, A)).files
    assert [(file.name, file.bytes, file.text) for file in shown] == [("ref_data/a.csv", 4, "x\r\n�"), ("rules/a.yaml", 1, "a")]


def test_the_same_draft_again_changes_nothing(store: Store) -> None:
    """Also by another person: the first one drafted it."""
    assert [drafted(store, "a"), drafted(store, "a", by="ben")] == ["new", "known"]
    assert look(store, all_versions)[0].drafted_by == "ann"
    assert len(trail(store)) == 1


def test_a_signature_may_come_later(store: Store) -> None:
    """The same rulebook, signed: the version keeps its drafter and gets the signature."""
    drafted(store, "a")
    signed = read_tar(pack(bundle("a").files, "2026-11-23T12:00:00Z", new_signer()))
    assert [drafted(store, "a", "ben", signed), drafted(store, "a", "ben", signed)] == ["signed", "known"]
    assert look(store, lambda connection: bundle_of_version(connection, A)) == signed
    version = look(store, all_versions)[0]
    assert (version.drafted_by, version.signed) == ("ann", True)


def test_two_rulebooks_with_one_label(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """With labels of 8 bits: the second is refused, nothing of it is stored, and the trail says by whom and which it was."""
    monkeypatch.setattr(content, "HASH_LENGTH", 2)
    first = bundle("a")
    second = next(other for other in map(bundle, map(str, range(10_000))) if other.version == first.version)
    drafted(store, "a")
    fault = drafted(store, "", by="eve", kind=second)
    assert isinstance(fault, Barred)
    assert fault.why == "label-taken"
    assert look(store, lambda connection: bundle_of_version(connection, first.version)) == first
    assert look(store, lambda connection: bundle_of_version(connection, first.sha256)) == first
    with pytest.raises(NotFound):
        look(store, lambda connection: bundle_of_version(connection, second.sha256))
    assert rows(store, "SELECT version, sha256 FROM rulebook") == [(first.version, first.sha256)]
    actor, outcome, detail = rows(store, "SELECT actor, outcome, detail_json FROM audit ORDER BY id")[-1]
    assert (actor, outcome) == ("eve", "refused")
    assert msgspec.json.decode(detail)["sha256"] == second.sha256


def test_a_version_is_named_by_its_full_hash(store: Store) -> None:
    """As well as by its label; another hash that begins alike names nothing."""
    go_live(store, "a")
    drafted(store, "b")
    full_a, full_b = bundle("a").sha256, bundle("b").sha256
    assert approved(store, full_b, full_a) is None
    assert isinstance(published(store, full_b), Published)
    reached = back(store, full_b)
    assert isinstance(reached, Published)
    assert reached.version == A
    assert isinstance(approved(store, B + "0" * 52, full_a), NotFound)
    details = rows(store, f"SELECT detail_json FROM audit WHERE object = 'rulebook {B}' ORDER BY id")  # noqa: S608 - our own
    assert [msgspec.json.decode(detail)["sha256"] for (detail,) in details] == [full_b] * 3


def test_a_version_is_sent_back_and_drafted_again(store: Store) -> None:
    """By a second person, with a comment; meanwhile it is neither approved nor published, and an approval it had is gone."""
    first = go_live(store, "a")
    drafted(store, "b")
    for by in ("ann", "ben"):
        assert isinstance(run(store, reject, Reject(first, "no", by, NOON))[0], Conflict)
    assert isinstance(run(store, reject, Reject(B, "no", "ann", NOON))[0], Conflict)
    assert approved(store, B, first) is None
    assert run(store, reject, Reject(B, "A scenario is missing", "cat", NOON))[0] is None
    found = look(store, all_versions)[1]
    assert (found.state, found.rejected_by, found.comment) == ("rejected", "cat", "A scenario is missing")
    assert (found.approved_by, found.rejected_at) == (None, rfc3339(NOON))
    for fault in (approved(store, B, first), published(store, B), run(store, reject, Reject(B, "no", "cat", NOON))[0]):
        assert isinstance(fault, Conflict)
    assert drafted(store, "b") == "again"
    assert look(store, all_versions)[1].state == "draft"
    assert approved(store, B, first) is None
    assert isinstance(published(store, B), Published)


def test_what_people_say_of_a_version_is_kept(store: Store) -> None:
    """Title and reason of the draft, the comment of the approval, why it was taken back; in the trail as well."""
    go_live(store, "a")
    item = Draft(bundle("b"), CHECK, "ann", NOON, title="Parole", reason="A memo")
    run(store, draft, item)
    run(store, approve, Approve(B, A, "ben", NOON, comment="As agreed"))
    published(store, B)
    run(store, roll_back, Publish(B, "ben", NOON, 0, reason="Wrong ORI"))
    first, second = look(store, all_versions)
    assert (second.title, second.reason, second.comment) == ("Parole", "A memo", "As agreed")
    assert [each.reason for each in first.publications] == [None, "Wrong ORI"]
    said = rows(store, "SELECT detail_json FROM audit WHERE object LIKE 'rulebook %' ORDER BY id")
    told = "".join(detail for (detail,) in said)
    assert all(words in told for words in ('"Parole"', '"A memo"', '"As agreed"', '"Wrong ORI"'))


FAILING = msgspec.json.encode(CheckResult((), Proofs(1, 1, (), ()), ScenarioRun(2, ("On parole, a person looks",)))).decode()


def test_a_version_whose_scenarios_fail_does_not_go_live(store: Store) -> None:
    """It is stored, and neither approved nor, where it was approved once, published; for a try-out both may be."""
    first = go_live(store, "a")
    run(store, draft, Draft(bundle("b"), FAILING, "ann", NOON))
    fault = approved(store, B, first)
    assert isinstance(fault, Conflict)
    assert '"On parole, a person looks"' in fault.detail
    assert run(store, approve, Approve(B, first, "ben", NOON, failing_too=True))[0] is None
    assert isinstance(published(store, B), Conflict)
    assert live(store) == first
    assert isinstance(run(store, publish, Publish(B, "ben", NOON, 0, failing_too=True))[0], Published)


def signed_bundle(text: str, sequence: int | None, created: str = "2026-11-23T12:00:00Z") -> Bundle:
    """A bundle that somebody signed, with this sequence."""
    return read_tar(pack(bundle(text).files, created, SIGNER, sequence))


SIGNER = new_signer()


def test_an_older_signed_bundle_needs_a_person(store: Store) -> None:
    """Older than any that was ever live, though it was live itself: published only with a reason, and never from a folder."""
    for text, sequence in (("a", 5), ("b", 9), ("c", 7)):
        drafted(store, text, kind=signed_bundle(text, sequence))
    for version in (A, B):
        assert approved(store, version, live(store)) is None
        assert isinstance(run(store, publish, Publish(version, "ben", NOON, 0, in_order=True))[0], Published)
    seq = look(store, pointer).seq
    folder = run(store, take_in, TakeIn(Draft(signed_bundle("a", 5), CHECK, "folder", NOON), seq, 0, in_order=True))[0]
    assert isinstance(folder, Barred)
    assert folder.why == "older-bundle"
    for version in (A, C):
        assert approved(store, version, B) is None
        fault = run(store, publish, Publish(version, "ben", NOON, 0, in_order=True))[0]
        assert isinstance(fault, Conflict)
        assert "sequence 9" in fault.detail
    assert live(store) == B
    done = run(store, publish, Publish(C, "ben", NOON, 0, in_order=True, older="As ordered"))[0]
    assert isinstance(done, Published)
    (detail,) = rows(store, "SELECT detail_json FROM audit WHERE outcome = 'live' ORDER BY id")[-1]
    assert msgspec.json.decode(detail)["older"] == "As ordered"
    assert look(store, all_versions)[2].publications[-1].reason == "As ordered"


def test_an_earlier_signature_does_not_replace_a_later_one(store: Store) -> None:
    """Else the sequence of what is live could be set back with a bundle of old."""
    later, earlier = signed_bundle("a", 9), signed_bundle("a", 3)
    assert [drafted(store, "a", kind=each) for each in (later, earlier)] == ["new", "known"]
    assert look(store, lambda connection: bundle_of_version(connection, A)) == later


def test_bundles_without_a_sequence_count_by_their_time() -> None:
    """Those that were packed before there was one."""
    assert signed_bundle("a", None).sequence == 1795435200
    assert signed_bundle("a", None, "no moment").sequence == 0
    assert bundle("a").sequence is None


def test_the_second_person_rule(store: Store) -> None:
    """The drafter may not approve; nor may one who saw another diff; both attempts are in the trail."""
    first = go_live(store, "a")
    drafted(store, "b")
    for fault in (approved(store, B, first, by="ann"), approved(store, B, C), approved(store, B, None)):
        assert isinstance(fault, Conflict)
    assert isinstance(published(store, B), Conflict)
    assert [row[3] for row in trail(store)[-4:]] == ["refused"] * 4
    assert live(store) == first
    assert isinstance(approved(store, C, first), NotFound)
    assert isinstance(published(store, C), NotFound)
    assert isinstance(back(store, C), NotFound)


def test_an_approval_lapses_when_another_goes_live(store: Store) -> None:
    """What was approved is the change from the version live then; it has to be looked at again."""
    go_live(store, "a")
    drafted(store, "b")
    approved(store, B, A)
    go_live(store, "c")
    assert isinstance(published(store, B), Conflict)
    assert approved(store, B, C) is None
    assert isinstance(published(store, B), Published)


def test_of_two_publications_in_one_group_the_second_lapses(store: Store) -> None:
    """Both were approved as a change from the same version; whoever comes first wins, and the other is told."""
    go_live(store, "a")
    for text, version in (("b", B), ("c", C)):
        drafted(store, text)
        approved(store, version, A)
    first, second = run(store, publish, Publish(B, "ben", NOON, 0), Publish(C, "cal", NOON, 0))
    assert isinstance(first, Published)
    assert isinstance(second, Conflict)
    assert live(store) == B


def test_what_was_taken_back_needs_a_new_approval(store: Store) -> None:
    """The old one was for the very same change, but then it was found wanting."""
    go_live(store, "a")
    go_live(store, "b")
    back(store, B)
    assert isinstance(published(store, B), Conflict)
    assert approved(store, B, A) is None
    assert isinstance(published(store, B), Published)


def test_publishing_again_changes_nothing(store: Store) -> None:
    """A request whose answer was lost may be repeated."""
    go_live(store, "a")
    before = look(store, pointer)
    assert published(store, A) == Published(before.seq, A, before.live_at)
    assert look(store, pointer)[:4] == before[:4]


def test_a_publication_has_a_moment_ahead(store: Store) -> None:
    """By the database's clock, so that every process means the same one."""
    drafted(store, "a")
    approved(store, A, None)
    found = published(store, A, lead=3_000_000)
    assert isinstance(found, Published)
    now = look(store, pointer)
    assert 0 < found.live_at - now.now <= 3_000_000
    assert (now.seq, now.version, now.live_at) == found


def test_one_step_back_and_another(store: Store) -> None:
    """Each rollback leads to what was live before, down to the first; a repeated one changes nothing."""
    for text in "abc":
        go_live(store, text)
    assert [each.version for each in (back(store, C), back(store, C)) if isinstance(each, Published)] == [B, B]
    assert back(store, B) == Published(5, A, look(store, pointer).live_at)
    assert isinstance(back(store, A), Conflict)
    assert live(store) == A
    assert go_live(store, "d") == live(store)
    assert isinstance(back(store, A), Published)
    assert live(store) == A


def test_a_rollback_may_name_where_it_leads(store: Store) -> None:
    """The version before is as good a name as the one that goes; any other is none."""
    for text in "abc":
        go_live(store, text)
    assert isinstance(back(store, A), Conflict)
    for _ in range(2):
        assert isinstance(back(store, B), Published)
        assert live(store) == B


def test_rolling_back_where_a_version_came_twice(store: Store) -> None:
    """Steps back follow what happened, not names: A, B, A again is undone as A, B, A."""
    go_live(store, "a")
    go_live(store, "b")
    assert approved(store, A, B) is None
    published(store, A)
    reached = [back(store, str(live(store))) for _ in range(2)]
    assert [each.version for each in reached if isinstance(each, Published)] == [B, A]
    assert isinstance(back(store, A), Conflict)


def test_the_folder_goes_live_by_itself(store: Store) -> None:
    """Without an approval, unless something went live since it was looked at; that it was taken is remembered."""
    taken = run(store, take_in, TakeIn(Draft(bundle("a"), CHECK, "folder", NOON), 0, 0))[0]
    assert isinstance(taken, Published)
    assert look(store, pointer)[:2] == (1, A)
    assert look(store, pointer).folder == A
    late = run(store, take_in, TakeIn(Draft(bundle("b"), CHECK, "folder", NOON), 0, 0))[0]
    assert isinstance(late, Conflict)
    assert live(store) == A
    go_live(store, "b")
    assert look(store, pointer).folder == A
    same = run(store, take_in, TakeIn(Draft(bundle("b"), CHECK, "folder", NOON), 2, 0))[0]
    assert same == Published(2, B, look(store, pointer).live_at)
    assert look(store, pointer).folder == B


def test_versions_page_by_page(store: Store) -> None:
    """In the order they were drafted, each once."""
    for text in "abc":
        drafted(store, text)
    first = look(store, lambda connection: list_versions(connection, 2))
    second = look(store, lambda connection: list_versions(connection, 2, first.next))
    assert [each.version for each in (*first.items, *second.items)] == [A, B, C]
    assert second.next is None


@pytest.mark.parametrize("value", ["'x'", "7", "1000000000000"])
def test_a_stored_file_of_another_kind_is_told_as_a_break(store: Store, value: str) -> None:
    """Text or a number where SQLite should have bytes: told, and the check goes on."""
    drafted(store, "one")
    try:
        with store.write.begin() as connection:
            connection.execute(sql(f"UPDATE rulebook_file SET content = {value}"))  # noqa: S608 - from above
    except DBAPIError:  # the database itself refuses it
        return
    found = look(store, lambda connection: breaks(connection, content=True))
    assert any("the files of rulebook" in each.what for each in found)
