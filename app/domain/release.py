"""A release as the system of record reports it: the typed form, and reading it from JSON bytes with every fault at once.

The contract is `release.schema.json` beside this file, word for word; the types here only give its values names.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import MAXYEAR, UTC, date, datetime
from functools import cache
from importlib.resources import files
from itertools import chain, islice
from typing import Any

import jiter
import jsonschema_rs
import msgspec

from app.domain.unknown_fields import unknown_field_faults
from app.errors import Fault, NotJson, Refused, TooLarge

BODY_LIMIT = 256 * 1024
"""Bytes of one release at the most (contract: 256 KiB)."""

MOST_FAULTS = 100
"""Faults told of one release at the most, so that a small hostile body cannot have a huge answer."""

_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
_FULL_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class Name(msgspec.Struct, frozen=True):
    """A person's name as stated; blank parts are as good as missing."""

    last: str
    """Last name."""
    first: str | None = None
    """First name."""
    middle: str | None = None
    """Middle name or initial."""
    suffix: str | None = None
    """Such as JR or III."""


class Stay(msgspec.Struct, frozen=True):
    """The custody stay that ended, or a move within it. `released_at` is RFC 3339 with the facility's offset."""

    ended: bool
    released_at: str
    reason: str
    state: str
    facility: str | None = None
    """The facility where custody ended."""

    @property
    def day(self) -> date:
        """The day of the release at the facility: the date part of `released_at` as given."""
        return date.fromisoformat(self.released_at[:10])

    @property
    def instant(self) -> datetime:
        """The moment of the release, with its offset."""
        return datetime.fromisoformat(self.released_at.upper())


class Subject(msgspec.Struct, frozen=True):
    """The person released. Codes are NCIC's; `height` is feet and inches as three digits, `weight` pounds."""

    name: Name
    """The name on record."""
    aliases: tuple[Name, ...] = ()
    """Other names used."""
    date_of_birth: str | None = None
    """Date of birth."""
    sex: str | None = None
    race: str | None = None
    place_of_birth: str | None = None
    height: str | None = None
    weight: int | None = None
    eyes: str | None = None
    hair: str | None = None
    fbi_number: str | None = None
    """FBI number (UCN)."""
    state_id: str | None = None
    """State identification number (SID), which begins with the state."""
    alien_number: str | None = None
    """Alien registration number (A-number)."""


class Residence(msgspec.Struct, frozen=True):
    """Where the person says he or she will live; never verified. `state` is a USPS code, None when abroad or not stated."""

    state: str | None
    street: str | None = None
    """Street and number, with the apartment or unit."""
    city: str | None = None
    """City."""
    zip: str | None = None
    """ZIP code."""
    country: str | None = None


class Conviction(msgspec.Struct, frozen=True):
    """One charge and what became of it."""

    charge_code: str
    status: str
    """What came of the charge."""
    convicted_on: str | None = None
    """Day of the conviction."""


class Release(msgspec.Struct, frozen=True):
    """One person's release from custody."""

    release_id: str
    stay: Stay
    """The stay that ended."""
    subject: Subject
    """The person."""
    convictions: tuple[Conviction, ...]
    """Every charge on record."""
    residence: Residence | None = None
    holds: tuple[str, ...] = ()
    """Flags that ask for a person to look first."""


def read_release(raw: bytes, allowed: Mapping[str, Collection[str]]) -> Release:
    """Reads one release from JSON bytes (UTF-8).

    `allowed` maps JSON pointers of single-valued fields to the only values they may have (the states the rulebook knows).
    Raises NotJson, TooLarge or Refused, the last with every fault of the document at once.
    """
    document = read_json(raw)
    if _validator().is_valid(document) and b"\\u0000" not in raw:
        # Not strict, since a JSON Schema integer may be written 180.0; everything else has just been validated.
        release = msgspec.convert(document, Release, strict=False)
        if _can_be_reckoned(release.stay.released_at) and not any(_code_faults(document, allowed)):
            return release
    found = chain(_schema_faults(document), _moment_faults(document), _code_faults(document, allowed), _nul_faults(document))
    faults = tuple(islice(found, MOST_FAULTS))
    if len(faults) == MOST_FAULTS:
        raise Refused(faults, f"Faults found, nothing was stored; the first {MOST_FAULTS} are listed.")
    if faults:
        raise Refused(faults)
    return msgspec.convert(document, Release, strict=False)


def read_json(raw: bytes, limit: int = BODY_LIMIT) -> Any:  # noqa: ANN401 - any JSON document
    """One JSON document from bytes; duplicate keys, NaN, lone surrogates, bad UTF-8 and deep nesting raise NotJson."""
    if len(raw) > limit:
        raise TooLarge((Fault("", "too-large", f"the body is over {limit} bytes"),))
    try:
        return jiter.from_json(raw, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="keys")
    except ValueError as error:
        raise NotJson((Fault("", "not-json", _without_values(str(error))),), "The body is not one JSON document.") from None


def _without_values(complaint: str) -> str:
    """The parser's complaint with anything it quotes from the body left out, since a key may be personal too."""
    return re.sub(r'".*"', "(not shown)", complaint, flags=re.DOTALL)


def is_date(text: object) -> bool:
    """Whether the text is a calendar day written YYYY-MM-DD."""
    if not isinstance(text, str) or not _FULL_DATE.fullmatch(text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def is_date_time(text: str) -> bool:
    """Whether the text is an RFC 3339 time with an offset, in the years 1 to 9999 also when told in UTC."""
    return _RFC3339.fullmatch(text) is not None and _can_be_reckoned(text)


def _can_be_reckoned(text: str) -> bool:
    """Whether an RFC 3339 time is one that Python can reckon with: no leap second, and a year from 1 to 9999 also in UTC."""
    try:
        moment = datetime.fromisoformat(text.upper())
        if not 1 < moment.year < MAXYEAR:
            moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return False
    return True


@cache
def release_schema() -> dict[str, Any]:
    """The contract's JSON Schema of a release."""
    schema: dict[str, Any] = msgspec.json.decode(files("app.domain").joinpath("release.schema.json").read_bytes())
    return schema


@cache
def _field_names() -> frozenset[str]:
    """The names of all fields of a release, whatever they are part of."""
    names: set[str] = set()

    def gather(node: object) -> None:
        if isinstance(node, dict):
            names.update(node.get("properties", {}))
            for each in node.values():
                gather(each)
        elif isinstance(node, list):
            for each in node:
                gather(each)

    gather(release_schema())
    return frozenset(names)


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(release_schema(), validate_formats=True)


def _fits_format(text: str) -> bool:
    return jsonschema_rs.is_valid({"format": "date-time"}, text, validate_formats=True)


def _moment_faults(document: object) -> Iterator[Fault]:
    """A time that the schema's format allows and no calendar here has: a leap second, the year 0."""
    found = _at(document, "/stay/released_at")
    if isinstance(found, str) and _RFC3339.fullmatch(found) and not is_date_time(found) and _fits_format(found):
        yield Fault("/stay/released_at", "format", "this is no moment that LENS can reckon with (a leap second, or the year 0)")


@cache
def _steps(pointer: str) -> tuple[str, ...]:
    """The steps of one of the few pointers that the rulebook has codes for."""
    return tuple(pointer.split("/")[1:])


def _at(document: Any, pointer: str) -> Any:  # noqa: ANN401 - walks any JSON document
    for step in _steps(pointer):
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _code_faults(document: object, allowed: Mapping[str, Collection[str]]) -> Iterator[Fault]:
    for pointer, values in allowed.items():
        found = _at(document, pointer)
        if isinstance(found, str) and found not in values and re.fullmatch("[A-Z]{2}", found):
            yield Fault(pointer, "unknown-code", "this code is not in the rulebook's table", tuple(sorted(values)))


def _nul_faults(document: object, pointer: str = "") -> tuple[Fault, ...]:
    if isinstance(document, str):
        found = "\0" in document
        return (Fault(pointer, "nul-character", "a NUL character cannot be stored; leave it out"),) if found else ()
    items: Iterator[tuple[object, object]] = iter(())
    if isinstance(document, dict):
        items = iter(document.items())
    elif isinstance(document, list):
        items = iter(enumerate(document))
    return tuple(fault for key, value in items for fault in _nul_faults(value, _below(pointer, key)))


def _below(pointer: str, key: object) -> str:
    """The pointer of a part; that of the whole where the part has a name that the schema does not know."""
    return f"{pointer}/{_escape(key)}" if isinstance(key, int) or key in _field_names() else pointer


def _escape(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _schema_faults(document: object) -> Iterator[Fault]:
    for error in _validator().iter_errors(document):
        yield from _faults_of(error, document)


def _faults_of(error: jsonschema_rs.ValidationError, document: object) -> Iterator[Fault]:
    pointer = "".join(f"/{_escape(step)}" for step in error.instance_path)
    code, details = error.kind.name, error.kind.as_dict()
    if code == "oneOf":
        # The residence is null or an object: what is wrong with the object is what the caller needs to hear.
        branches = [branch for branch in details["context"] if not _is_type_fault_at(branch, error.instance_path)]
        for branch in branches or details["context"][-1:]:
            for inner in branch:
                yield from _faults_of(inner, document)
    elif code == "required":
        yield Fault(f"{pointer}/{_escape(details['property'])}", "required", "this field must be given")
    elif code == "additionalProperties":
        names = _names_in(document, error.instance_path)
        accepted = frozenset(names).difference(details["unexpected"])
        yield from unknown_field_faults(pointer, names, accepted, _field_names())
    else:
        yield _plain_fault(pointer, code, details)


def _names_in(document: Any, path: Iterable[str | int]) -> list[str]:  # noqa: ANN401 - walks any JSON document
    """The names of the object at a path, in the order in which the caller wrote them."""
    for step in path:
        document = document[step]
    return list(document)


def _is_type_fault_at(branch: list[jsonschema_rs.ValidationError], path: list[str | int]) -> bool:
    return any(inner.kind.name == "type" and inner.instance_path == path for inner in branch)


def _plain_fault(pointer: str, code: str, details: Mapping[str, Any]) -> Fault:
    match code:
        case "type":
            types = tuple(details["types"])
            return Fault(pointer, "type", f"this must be {' or '.join(types)}", types)
        case "enum":
            allowed = tuple(str(option) for option in details["options"])
            return Fault(pointer, "enum", "this must be one of the values allowed", allowed)
        case "pattern":
            return Fault(pointer, "pattern", f"this must match {details['pattern']}")
        case "format":
            return Fault(pointer, "format", _FORMATS[details["format"]])
        case "minLength" | "maxLength" | "minimum" | "maximum" | "maxItems":
            return Fault(pointer, code, f"{_LIMITS[code]} {details['limit']}")
        case _:
            return Fault(pointer, code, "this does not fit the release schema; see /openapi.json")


_FORMATS = {
    "date": "this must be a calendar day, YYYY-MM-DD",
    "date-time": "this must be a time with an offset, e.g. 2026-11-23T10:30:00-05:00 (RFC 3339)",
}
_LIMITS = {
    "minLength": "characters, at least:",
    "maxLength": "characters, at most:",
    "minimum": "at least:",
    "maximum": "at most:",
    "maxItems": "entries, at most:",
}
