"""What must hold among the parts of a rulebook before it may be used: names, precedence, addresses."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from app.domain.identifiers import NLETS_CODES, ori_problem
from app.rulebook.language.evaluate import audience_of
from app.rulebook.language.model import Change, DecisionTable, Fact, Membership, Nothing, Rule, Send, Table
from app.rulebook.language.view import View
from app.rulebook.problems.problem import Problems, Spot, did_you_mean, list_meant, one_of

STATE_COLUMNS = ("nlets", "ori", "ori_status", "stage")
"""Columns that the table of the states told must have: the service reads them to address and mark a message."""


def check_names(decisions: Sequence[DecisionTable], problems: Problems) -> frozenset[str]:
    """Rule ids are unique; `overrides` names rules of the same file that are about the same audience, and never in a ring.

    Returns the ids of rules whose `overrides` cannot be relied on.
    """
    seen: dict[str, Spot] = {}
    damaged: set[str] = set()
    for table in decisions:
        for rule in table.all_rules():
            if rule.id and rule.id in seen:
                problems.error(
                    "R114", f"two rules are called {rule.id}", rule.spot, help="ids are for ever", also=(seen[rule.id],)
                )
                damaged.add(rule.id)
            seen[rule.id] = rule.spot
        by_id = {rule.id: rule for rule in table.rules}
        for rule in table.rules:
            damaged |= {rule.id for name in rule.overrides if not _fits_override(rule, name, by_id, problems)}
            if rule.overrides and rule.id in table.beaten_by.get(rule.id, ()):
                spot = rule.spots[f"overrides {rule.overrides[0]}"]
                problems.error("R125", f"{rule.id} overrides itself, through a ring of `overrides`", spot, help="take one out")
                damaged.add(rule.id)
    return frozenset(damaged)


def _fits_override(rule: Rule, name: str, by_id: Mapping[str, Rule], problems: Problems) -> bool:
    spot = rule.spots[f"overrides {name}"]
    if name not in by_id:
        label = list_meant(name, by_id) or did_you_mean(name, by_id)
        problems.error("R113", f"there is no rule `{name}` in this file to override", spot, help=one_of(by_id), label=label)
        return False
    if by_id[name].intact and rule.intact and audience_of(rule.reply) != audience_of(by_id[name].reply):
        problems.error("R126", *_why_no_override(rule, by_id[name], spot))
        return False
    return True


def _why_no_override(rule: Rule, other: Rule, spot: Spot) -> tuple[str, Spot, str]:
    """Why a rule of routing cannot override another: the message, the place, the help."""
    if isinstance(rule.reply, Nothing):
        message = f"{rule.id} has `then: {{}}`, which is about no state, so it cannot override {other.id}"
        help = f"`then: {{}}` stops no other rule; where {other.id} is not to answer, say so in its own `when`, with `not` or `not_in`"
        return message, spot, help
    if isinstance(other.reply, Nothing):
        message = f"{other.id} has `then: {{}}`, so there is nothing to override"
        return message, spot, f"leave it out: {rule.id} answers all the same"
    message = f"{rule.id} and {other.id} are about different audiences"
    return message, spot, "rules about different audiences do not compete; leave it out"


def check_changes(tables: Iterable[Table], problems: Problems) -> None:
    """A cell has one text on any day: two changes of it may not begin on the same one (a later one wins over an earlier)."""
    for table in tables:
        first: dict[tuple[str, str, date], Spot] = {}
        for change in table.changes:
            for column, spot in change.spots.items():
                key = (change.row, column, change.period.first)
                if key in first:
                    message = f"`{column}` of {change.row} is changed twice from {change.period.first.isoformat()}"
                    problems.error("R127", message, spot, help="keep one of the two", also=(first[key],))
                first.setdefault(key, spot)


def check_addresses(
    routing: DecisionTable, facts: Mapping[str, Fact], tables: Mapping[str, Table], views: Sequence[View], problems: Problems
) -> None:
    """Every state that a rule may send to has, on every day the rule is in force, an ORI that may be used and is its own."""
    for rule in routing.all_rules():
        if not isinstance(rule.reply, Send) or not rule.intact:
            continue
        table = tables[facts[rule.reply.audience].table or ""]
        lacking = [name for name in STATE_COLUMNS if name not in table.columns]
        if lacking:
            help = f"the service reads {', '.join(STATE_COLUMNS)} of the state it tells"
            problems.error("R102", f"the table `{table.name}` lacks the column `{lacking[0]}`", table.spot, help=help)
            continue
        for view in views:
            if rule.period.covers(view.first):
                _check_rows(rule=rule, send=rule.reply, table=table, view=view, problems=problems)


def _check_rows(rule: Rule, send: Send, table: Table, view: View, problems: Problems) -> None:
    cells = view.cells[table.name]
    codes = {texts["nlets"] for texts in cells.values() if texts["nlets"]}
    reachable = set(view.domain(send.audience))
    for test in rule.tests():
        if isinstance(test, Membership) and test.fact == send.audience:
            reachable &= view.members(test)
    for key in view.domain(send.audience):
        if key not in reachable:
            continue
        spot = _cell_spot(table, key, send.ori_column, view)
        if problems.told_at(spot):
            continue  # one fault of a cell is told once, though several rules send there
        ori, nlets = cells[key][send.ori_column], cells[key]["nlets"]
        _check_code_is_its_own(key=key, nlets=nlets, table=table, view=view, problems=problems)
        _check_code_is_of_nlets(key=key, nlets=nlets, table=table, view=view, problems=problems)
        if not ori:
            help = f"give it one, or set its `ori_status` to none; {rule.id} sends to it"
            problems.error("R122", f"{key} has no ORI and may be sent a message", spot, help=help)
        elif (reason := ori_problem(ori, codes)) is not None:
            problems.error(
                "R119", f"no message may go to `{ori}`: {reason}", spot, help="write the ORI that the state has named"
            )
        elif ori[:2] != nlets:
            help = f"an ORI of {key} begins with {nlets}"
            problems.error("R120", f"`{ori}` is not an ORI of {key}", spot, help=help)


def _check_code_is_its_own(key: str, nlets: str, table: Table, view: View, problems: Problems) -> None:
    """No two states have one Nlets code: an ORI that begins with it would be taken for that of either."""
    others = [row for row, cells in view.cells[table.name].items() if row != key and cells["nlets"] == nlets]
    if not nlets or not others:
        return
    spot, other = _cell_spot(table, key, "nlets", view), _cell_spot(table, others[0], "nlets", view)
    if not problems.told_at(spot, other):
        message = f"{key} and {others[0]} have the same Nlets code, {nlets}"
        problems.error("R120", message, spot, help="the code is of one of them; mend the other", also=(other,))


def _check_code_is_of_nlets(key: str, nlets: str, table: Table, view: View, problems: Problems) -> None:
    """The Nlets code of a row is the one that Nlets has for it; only a dated change that cites an authority may say otherwise."""
    spot = _cell_spot(table, key, "nlets", view)
    change = _change_in_force(table, key, "nlets", view)
    known = NLETS_CODES.get(key)
    right = nlets == known if known else nlets in NLETS_CODES.values()
    if not nlets or right or (change and change.authority) or problems.told_at(spot):
        return
    message = f"the Nlets code of {key} is {known}, not {nlets}" if known else f"{nlets} is not an Nlets code"
    help = "a code that Nlets has given since is a dated change of `nlets`, with its `authority`"
    label = "" if known else did_you_mean(nlets, NLETS_CODES.values())
    problems.error("R128", message, spot, help=help, label=label)


def _cell_spot(table: Table, row: str, column: str, view: View) -> Spot:
    """Where the text stands that a cell has in a view: in the last change in force that names it, else in the row."""
    change = _change_in_force(table, row, column, view)
    return change.spots[column] if change else table.rows[row].spots.get(column, table.rows[row].spot)


def _change_in_force(table: Table, row: str, column: str, view: View) -> Change | None:
    """The last change that names a cell on the days of a view; None where the row's own text stands."""
    for change in reversed(sorted(table.changes, key=lambda change: change.period.first)):  # noqa: C413 - ties as in `cells_on`
        if change.row == row and column in change.cells and change.period.covers(view.first):
            return change
    return None
