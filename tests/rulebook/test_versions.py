import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Conflict
from app.rulebook.bundles.versions import StepBack, VersionState, approval_fault, publication_fault, step_back

A, B, C = "aaaaaaaaaaaa", "bbbbbbbbbbbb", "cccccccccccc"


def drafted(live: str | None = A, approved_by: str | None = None, against: str | None = None) -> VersionState:
    """Version B, drafted by Ann, while `live` decides."""
    return VersionState(B, "ann", approved_by, against, was_live=False, live=live)


def test_a_life_has_four_states() -> None:
    """Draft, approved as a change from what is live, live, retired; an approval lapses when another goes live."""
    assert drafted().state == "draft"
    assert drafted(approved_by="ben", against=A).state == "approved"
    assert drafted(live=C, approved_by="ben", against=A).state == "draft"
    assert drafted(live=B, approved_by="ben", against=A).state == "live"
    assert drafted(live=C, approved_by="ben", against=A)._replace(was_live=True).state == "retired"


@pytest.mark.parametrize(
    ("by", "diff_seen", "live", "words"),
    [
        ("ann", A, A, "ann drafted rulebook bbbbbbbbbbbb; another person"),
        ("A-n-n", A, A, "another person"),
        ("cli uid 0 (root) as ann", A, A, "another person"),
        ("cli uid 1000 (ann)", A, A, "another person"),
        ("ben", C, A, "The diff seen is from cccccccccccc, but aaaaaaaaaaaa is live now"),
        ("ben", None, A, "The diff seen is from nothing"),
        ("ben", A, None, "but nothing is live now"),
        ("ben", A, B, "is live already"),
    ],
)
def test_who_may_not_approve(by: str, diff_seen: str | None, live: str | None, words: str) -> None:
    """Neither the drafter, by whatever way he comes, nor one who saw another diff than that from what is live."""
    fault = approval_fault(drafted(live), by, diff_seen)
    assert fault is not None
    assert words in fault.detail


def test_a_second_person_who_saw_the_diff_may_approve() -> None:
    """Also the first version of all, of which there is no diff."""
    assert approval_fault(drafted(), "ben", A) is None
    assert approval_fault(drafted(live=None), "cli uid 0 (root) as ben", None) is None


def test_what_may_be_published() -> None:
    """Only what was approved as a change from what is live."""
    assert publication_fault(drafted(approved_by="ben", against=A)) is None
    unapproved, lapsed = publication_fault(drafted()), publication_fault(drafted(live=C, approved_by="ben", against=A))
    assert unapproved is not None
    assert "not approved" in unapproved.detail
    assert lapsed is not None
    assert "has lapsed, since it was not for a change from cccccccccccc" in lapsed.detail


def test_one_step_back() -> None:
    """Named by what is to go or by what is to come; repeated, it changes nothing; anything else is refused."""
    assert step_back(B, live=B, before=A, undone=None) == StepBack(A, again=False)
    assert step_back(A, live=B, before=A, undone=None) == StepBack(A, again=False)
    assert step_back(B, live=A, before=C, undone=B) == StepBack(A, again=True)
    assert step_back(A, live=A, before=C, undone=A) == StepBack(A, again=True)
    assert step_back(A, live=A, before=C, undone=B) == StepBack(C, again=False)
    assert isinstance(step_back(C, live=B, before=A, undone=None), Conflict)
    assert isinstance(step_back(A, live=A, before=None, undone=None), Conflict)


@given(
    st.sampled_from([A, B, C]), st.sampled_from([A, B, C]), st.sampled_from([A, B, C, None]), st.sampled_from([A, B, C, None])
)
def test_a_step_back_leads_where_it_must(named: str, live: str, before: str | None, undone: str | None) -> None:
    """To the version before, or, for a request that was carried out already, to where it led."""
    step = step_back(named, live, before, undone)
    if isinstance(step, StepBack):
        assert step.to == (live if step.again else before)
        assert step.again == (named == undone)
