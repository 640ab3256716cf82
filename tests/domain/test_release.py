import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.release import BODY_LIMIT, MOST_FAULTS, Release, is_date, is_date_time, read_json, read_release, release_schema
from app.errors import LensError, NotJson, Refused, TooLarge
from tests.domain.releases import RELEASES, STATES, Document, release_document

ALLOWED = {"/stay/state": frozenset(STATES), "/residence/state": frozenset(STATES)}

JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=20)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from([*release_document(), "state", "name", "x"]), inner, max_size=4),
    ),
    max_leaves=15,
)


def read(document: object) -> Release:
    """The release in a JSON document."""
    return read_release(json.dumps(document).encode(), ALLOWED)


def refusal(document: object) -> list[tuple[str, str]]:
    """Pointer and code of every fault for which a document is refused, sorted."""
    with pytest.raises(Refused) as caught:
        read(document)
    return sorted((fault.pointer, fault.code) for fault in caught.value.faults)


@given(RELEASES)
def test_what_the_schema_allows_is_read(document: Document) -> None:
    """Every release that the schema allows is read, and says what the document says."""
    release = read(document)
    assert release.release_id == document["release_id"]
    assert release.subject.name.last == document["subject"]["name"]["last"]
    assert release.subject.weight == document["subject"].get("weight")
    assert len(release.convictions) == len(document["convictions"])
    assert (release.residence is None) == (document.get("residence") is None)
    assert release.stay.day == date.fromisoformat(document["stay"]["released_at"][:10])
    assert release.stay.instant.utcoffset() is not None


@given(JSON)
def test_any_json_is_read_or_explained(document: object) -> None:
    """Whatever the JSON, it is a release or an error that LENS can explain, and nothing else."""
    with suppress(LensError):
        read(document)


@given(st.data())
def test_any_change_of_a_release_is_read_or_explained(data: st.DataObject) -> None:
    """A release with any value anywhere replaced by any other is read, or refused with a fault at or within that place."""
    document = release_document()
    place = data.draw(st.sampled_from(places(document)))
    inner: Any = document
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = data.draw(JSON)
    pointer = "".join(f"/{step}" for step in place)
    assert all(fault.startswith(pointer) for fault in faulty_places(document))


def faulty_places(document: object) -> list[str]:
    """The pointers of all faults of a document; none when it is read."""
    try:
        read(document)
    except Refused as error:
        return [fault.pointer for fault in error.faults]
    return []


def places(document: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - walks any JSON document
    """The way to every value in a document."""
    items = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    found = [(*before, key) for key, _ in items]
    return found + [place for key, value in items for place in places(value, (*before, key))]


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_explained(raw: bytes) -> None:
    """Whatever the bytes, the answer is an error that LENS can explain."""
    with pytest.raises(LensError):
        read_release(raw, ALLOWED)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a": 1} x',
        b'{"a": NaN}',
        b"Infinity",
        b'{"release_id": 1, "release_id": 2}',
        b'"\\ud800"',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"[" * 5000,
        b'{"a":' * 5000,
        b'"a\nb"',
    ],
    ids=repr,
)
def test_what_is_not_json(raw: bytes) -> None:
    """What is not one JSON document is said to be none, and nothing of it is repeated."""
    with pytest.raises(NotJson) as caught:
        read_release(raw, ALLOWED)
    assert caught.value.faults[0].code == "not-json"
    assert "release_id" not in caught.value.faults[0].message


def test_a_body_over_the_limit() -> None:
    """One byte over the limit is too large, however good it is; at the limit it is read."""
    raw = json.dumps(release_document()).encode()
    assert read_release(raw + b" " * (BODY_LIMIT - len(raw)), ALLOWED).release_id == "EARM-2026-000123"
    with pytest.raises(TooLarge):
        read_release(raw + b" " * (BODY_LIMIT - len(raw) + 1), ALLOWED)


def test_every_fault_is_told_at_once() -> None:
    """Faults of all kinds in one document come in one answer, each with its pointer."""
    document = release_document(release_id="", holds="asylum", colour="red")
    document["stay"] |= {"ended": "yes", "state": "QQ", "released_at": "2026-02-30T10:00:00Z", "reason": "a\0b"}
    document["subject"] |= {"date_of_birth": "1980-13-01", "weight": 19, "height": "5ft"}
    document["subject"]["name"] = {"first": "x" * 61}
    document["residence"] = {"zip": "7990", "country": "x" * 61}
    document["convictions"] = [{"charge_code": 902, "status": "guilty"}]
    assert refusal(document) == [
        ("", "unknown-field"),
        ("/convictions/0/charge_code", "type"),
        ("/convictions/0/status", "enum"),
        ("/holds", "type"),
        ("/release_id", "pattern"),
        ("/residence/country", "maxLength"),
        ("/residence/state", "required"),
        ("/residence/zip", "pattern"),
        ("/stay/ended", "type"),
        ("/stay/reason", "nul-character"),
        ("/stay/released_at", "format"),
        ("/stay/state", "unknown-code"),
        ("/subject/date_of_birth", "format"),
        ("/subject/height", "pattern"),
        ("/subject/name/first", "maxLength"),
        ("/subject/name/last", "required"),
        ("/subject/weight", "minimum"),
    ]


def test_faults_repeat_no_value() -> None:
    """A fault says what is allowed and never what was found, since that may be personal."""
    document = release_document()
    document["subject"] |= {"fbi_number": "secret-number", "sex": 4711, "date_of_birth": "born-when"}
    document["stay"]["state"] = "QQ"
    with pytest.raises(Refused) as caught:
        read(document)
    told = repr(caught.value.faults) + caught.value.detail
    assert not any(value in told for value in ("secret-number", "4711", "born-when", "QQ"))


@pytest.mark.parametrize("pointer", ["/stay/state", "/residence/state"])
def test_a_state_that_the_rulebook_lacks(pointer: str) -> None:
    """A state of the right form that is not in the table is refused with the codes that are."""
    document = release_document()
    document[pointer.split("/")[1]]["state"] = "XX"
    with pytest.raises(Refused) as caught:
        read(document)
    (fault,) = caught.value.faults
    assert (fault.pointer, fault.code, fault.allowed) == (pointer, "unknown-code", tuple(sorted(STATES)))


@pytest.mark.parametrize("residence", [None, {"state": None}, {"state": None, "country": "Mexico"}, {"state": "TX"}])
def test_residences_that_may_be(residence: Document | None) -> None:
    """No residence, one abroad and one with nothing but its state are all fine."""
    assert read(release_document(residence=residence)).release_id


@pytest.mark.parametrize("residence", ["TX", [], 1, True])
def test_a_residence_of_another_shape(residence: object) -> None:
    """A residence that is no object is told as that, once."""
    assert refusal(release_document(residence=residence)) == [("/residence", "type")]


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("2026-11-23T10:30:00Z", True),
        ("2026-11-23t10:30:00z", True),
        ("2026-11-23T10:30:00.123456789+05:30", True),
        ("2024-02-29T00:00:00-00:00", True),
        ("2026-11-23T10:30:00", False),
        ("2026-11-23 10:30:00Z", False),
        ("2026-11-23T10:30Z", False),
        ("2026-11-23T24:00:00Z", False),
        ("2026-11-23T10:30:60Z", False),
        ("2023-02-29T00:00:00Z", False),
        ("2026-11-23T10:30:00+24:00", False),
        ("0000-01-01T00:00:00Z", False),
        ("0001-01-01T00:00:00+10:00", False),
        ("9999-12-31T23:59:59-10:00", False),
        ("2026-11-23T10:30:00Z\n", False),
        ("\uff12\uff10\uff12\uff16-11-23T10:30:00Z", False),
    ],
)
def test_moments(text: str, *, fits: bool) -> None:
    """A moment is RFC 3339 with an offset, of a day that the calendar has, in every offset."""
    assert is_date_time(text) == fits


@pytest.mark.parametrize(
    ("text", "fits"),
    [("2024-02-29", True), ("2023-02-29", False), ("20240229", False), ("2024-2-29", False), (20240229, False)],
)
def test_days(text: object, *, fits: bool) -> None:
    """A day is YYYY-MM-DD and in the calendar."""
    assert is_date(text) == fits


def test_the_day_is_the_facilitys() -> None:
    """The day of a release is the date part as given, not the day it was in UTC."""
    document = release_document()
    document["stay"]["released_at"] = "2015-05-31T23:30:00-10:00"
    release = read(document)
    assert release.stay.day == date(2015, 5, 31)
    assert release.stay.instant.astimezone().timestamp() == 1433151000


def test_json_of_any_kind_is_read() -> None:
    """Reading JSON alone has no opinion on what is in it."""
    assert read_json(b'[1, "a", null, {"b": 2.5}]') == [1, "a", None, {"b": 2.5}]


def test_the_schema_refuses_unknown_fields_everywhere() -> None:
    """Each object of the schema names its fields and takes no others."""

    def objects(node: Any) -> list[Any]:  # noqa: ANN401 - walks any JSON document
        inner = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node] if isinstance(node, dict) and isinstance(node.get("properties"), dict) and "type" in node else []
        return own + [found for value in inner for found in objects(value)]

    found = objects(release_schema())
    assert len(found) == 6
    assert all(node["additionalProperties"] is False for node in found)


def test_a_nul_is_a_fault_wherever_it_stands() -> None:
    """No database takes one in text; the rest of the document may be as it should."""
    document = release_document()
    document["subject"]["name"]["last"] = "DO\0E"
    assert refusal(document) == [("/subject/name/last", "nul-character")]


def test_faults_beyond_number_are_not_all_told() -> None:
    """A small hostile body has no huge answer."""
    with pytest.raises(Refused, match=f"the first {MOST_FAULTS} are listed") as caught:
        read(release_document() | {"holds": [1] * (MOST_FAULTS + 1)})
    assert len(caught.value.faults) == MOST_FAULTS
