"""The shipped rules read by a person and written down as plain code, to hold LENS against.

It shares nothing with LENS: the tables are read with the standard library and PyYAML, the rules are the `if`s below, the notice
is built line by line from the contract's page on the message's format. Letters are folded by LENS's own `fold`, which has its
own tests.
"""

import csv
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from app.decide.folding import fold

ROOT = Path(__file__).parents[2]
FIRST_DAY = "2015-06-01"
WIDTH = 72


class Message(NamedTuple):
    """What a state is sent."""

    audience: str
    copy: str
    ori: str
    text: str


class Reading(NamedTuple):
    """All that a release leads to."""

    outcome: str
    because: list[str]
    messages: list[Message]
    work_items: list[tuple[str, str, str]]


@cache
def table(name: str) -> dict[str, Any]:
    """A reference table as its file says, every cell a text."""
    document = yaml.load((ROOT / "ref_data" / f"{name}.yaml").read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - texts only
    return dict(document)


@cache
def violent_or_serious() -> frozenset[str]:
    """The charges of tier A."""
    with (ROOT / "ref_data" / "charges.csv").open(newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file) if row["tier"] == "A")


@cache
def charges() -> frozenset[str]:
    """All charges of the table."""
    with (ROOT / "ref_data" / "charges.csv").open(newline="") as file:
        return frozenset(row["code"] for row in csv.DictReader(file))


def one_conviction(code: str, status: str, reason: str, held: bool, ended: bool) -> tuple[str, list[str]]:  # noqa: FBT001
    """The outcome for one conviction since the first day, and the rules that gave it."""
    kind = table("release_reasons")["rows"][reason]["kind"]
    fired = []
    into_us, asks = kind == "into_us", kind == "needs_a_person"
    qualifies = code in violent_or_serious() and status == "convicted" and ended
    if qualifies and into_us and held:
        fired.append(("hold_for_review", "LENS-E30"))
    elif qualifies and into_us:
        fired.append(("notify", "LENS-E10"))
    if qualifies and asks:
        fired.append(("hold_for_review", "LENS-E40"))
    if code == "unknown" and status == "convicted" and ended and (into_us or asks):
        fired.append(("hold_for_review", "LENS-E45"))
    if status != "convicted":
        fired.append(("do_not_notify", "LENS-E50"))
    if not ended:
        fired.append(("do_not_notify", "LENS-E60"))
    if not fired:
        return "do_not_notify", ["LENS-E99"]
    (outcome,) = {outcome for outcome, _ in fired}
    return outcome, [rule for _, rule in fired]


def read(release: dict[str, Any], number: str, *, late: bool) -> Reading:
    """What a release leads to. `late` says whether it was accepted more than a day after it happened."""
    stay = release["stay"]
    reason = stay["reason"] if stay["reason"] in table("release_reasons")["rows"] else "unknown"
    held = any(hold != "none" for hold in release.get("holds") or [])
    pairs = [
        (conviction["charge_code"] if conviction["charge_code"] in charges() else "unknown", conviction["status"])
        for conviction in release["convictions"]
    ] or [("none", "not_stated")]
    answers = [one_conviction(*pair, reason, held, stay["ended"]) for pair in pairs]
    if stay["released_at"][:10] < FIRST_DAY:
        answers = [("do_not_notify", ["LENS-E99"])]
    order = ["notify", "hold_for_review", "do_not_notify"]
    outcome = min((outcome for outcome, _ in answers), key=order.index)
    because = sorted({rule for answer, rules in answers if answer == outcome for rule in rules})
    if outcome == "notify":
        rules, messages, work_items = routed(release, number, late=late)
        return Reading(outcome, because + rules, messages, work_items)
    items = [("review", ", ".join(because), "")] if outcome == "hold_for_review" else []
    return Reading(outcome, because, [], items)


def routed(release: dict[str, Any], number: str, *, late: bool) -> tuple[list[str], list[Message], list[tuple[str, str, str]]]:
    """The rules of routing that hold, the messages and what a person must do."""
    states = table("states")["rows"]
    departs, lives = release["stay"]["state"], (release.get("residence") or {}).get("state") or "ZZ"
    reachable = {code: cells["on_nlets"] == "yes" for code, cells in states.items()}
    rules, told, items = [], [], []
    if departs == lives and reachable[departs]:
        rules, told = ["LENS-R20"], [("release_state", "only", departs)]
    elif reachable[departs]:
        rules, told = ["LENS-R10"], [("release_state", "departing", departs)]
    if departs != lives and reachable[lives]:
        rules.append("LENS-R30")
        told.append(("residence_state", "receiving", lives))
    if lives == "ZZ":
        rules.append("LENS-R40")
        items.append(("no-residence-state", "LENS-R40", "ZZ"))
    if not reachable[departs]:
        rules.append("LENS-R50")
        items.append(("no-ori", "LENS-R50", departs))
    if lives not in {departs, "ZZ"} and not reachable[lives]:
        rules.append("LENS-R60")
        items.append(("no-ori", "LENS-R60", lives))
    messages = []
    for audience, copy, state in told:
        others = [states[other]["nlets"] for _, _, other in told if other != state]
        text = notice(
            release=release, number=number, copy=copy, state=states[state], also=others[0] if others else "NONE", late=late
        )
        messages.append(Message(audience, copy, states[state]["ori"], text))
    return rules, messages, items


def notice(release: dict[str, Any], number: str, copy: str, state: dict[str, str], also: str, *, late: bool) -> str:
    """The legacy text for one state."""
    subject, home = release["subject"], release.get("residence") or {}
    name = subject["name"]

    def said(value: str | None, missing: str) -> str:
        return value if value and fold(value)[0].strip() else missing

    last = said(name["last"], "NOT AVAILABLE")
    given = " ".join(part for part in (name.get("first"), name.get("middle"), name.get("suffix")) if part and said(part, ""))
    stated = any(said(home.get(part), "") for part in ("state", "street", "city", "zip"))

    born, pob = (subject.get("date_of_birth") or "NOT AVAILABLE").replace("-", ""), said(subject.get("place_of_birth"), "YY")
    lines = [f"LENS {number} ICE RELEASE NOTICE - INFORMATION ONLY"]
    lines += ["LATE NOTICE"] if late else []
    lines += [
        f"TYPE/NEW COPY/{copy} STATE/{state['nlets']} ALSO SENT TO/{also}",
        "NO ENFORCEMENT ACTION MAY BE BASED SOLELY ON THIS NOTICE.",
        "FOLLOW LOCAL PROCEDURES. MAY BE FORWARDED AS NEEDED.",
        f"NAM/{last}, {given}" if given else f"NAM/{last}",
        f"SEX/{said(subject.get('sex'), 'U')} RAC/{said(subject.get('race'), 'U')} DOB/{born} POB/{pob}",
        f"FBI/{subject.get('fbi_number') or 'NOT AVAILABLE'}",
        f"RELEASED/{release['stay']['released_at'][:10].replace('-', '')} FROM STATE/{release['stay']['state']}",
        "RESIDENCE AS STATED BY SUBJECT - NOT VERIFIED",
        f"ADR/{said(home.get('street'), 'NOT STATED')}",
    ]
    if stated:
        city, where = said(home.get("city"), "NOT STATED"), said(home.get("state"), "NOT STATED")
        lines.append(f"CTY/{city} STA/{where} ZIP/{said(home.get('zip'), 'NOT STATED')}")
    lines += [
        "OFFENSE NOT SHOWN. QUERY CRIMINAL HISTORY BY FBI NUMBER.",
        "QUESTIONS: ICE LESC 802-872-6050 OR NLETS AM TO VTINS07S0",
    ]
    body = [piece for line in lines for piece in cut(fold(line)[0])]
    return f"AM.VTINS07S0.{state['ori']}.*{number}.TXT\n" + "\n".join(body) + "\n"


def cut(line: str) -> list[str]:
    """A line in pieces of 72 characters, cut at the last blank that allows it, the rest indented by two blanks."""
    pieces, indent = [], ""
    line = line.rstrip() if len(line) > WIDTH else line
    while len(indent + line) > WIDTH:
        whole = indent + line
        places = [place for place in range(len(indent) + 1, WIDTH + 1) if whole[place] == " "]
        place = places[-1] if places else WIDTH
        pieces.append(whole[:place])
        line, indent = whole[place + 1 :] if places else whole[place:], "  "
    return [*pieces, indent + line]
