"""A rulebook that was sent back is drafted again: then another person than its new drafter approves it."""

from app.errors import Conflict
from app.store.database.engine import Store
from app.store.database.reading import look
from app.store.rulebooks.rulebook_reads import all_versions
from app.store.rulebooks.rulebook_rejection import Reject, reject
from app.store.rulebooks.rulebooks import Draft, draft
from app.store.trail.trail_check import breaks
from tests.store.invented import NOON, run
from tests.store.test_rulebooks import CHECK, B, approved, bundle, drafted, go_live


def test_whoever_drafts_a_rejected_version_again_cannot_approve_it(store: Store) -> None:
    """Whoever sent it back and drafts the same bytes again is its drafter from then on; another person approves it."""
    first = go_live(store, "a")
    drafted(store, "b")
    assert run(store, reject, Reject(B, "A scenario is missing", "cat", NOON))[0] is None
    assert run(store, draft, Draft(bundle("b"), CHECK, "cat", NOON))[0] == "again"
    assert look(store, all_versions)[1].drafted_by == "cat"
    assert isinstance(approved(store, B, first, by="cat"), Conflict)
    assert approved(store, B, first) is None
    assert not look(store, breaks)
