"""Reads scenario files (`kind: scenarios/v1`): `given`, `but`, `for_each`, `table`, `convictions`, `expect`, `always`, `never`."""

from collections.abc import Iterator
from collections.abc import Mapping as AbstractMapping
from datetime import date
from itertools import product
from math import prod

from app.rulebook.files.source import Mapping, Node, Scalar
from app.rulebook.language import grammar
from app.rulebook.language.model import CONVICTION_FACTS, Condition, Fact, Table
from app.rulebook.language.scenarios import Case, Promise, Scenario, Suite
from app.rulebook.language.view import sets_on
from app.rulebook.problems.problem import Spot
from app.rulebook.reading.conditions import ConditionReader
from app.rulebook.reading.expected import DISTINCT, ExpectedReader
from app.rulebook.reading.facts import FACTS
from app.rulebook.reading.rules import OUTCOMES
from app.rulebook.reading.shapes import Keys, Shapes

DAY = grammar.DAY_KEY

_GIVEN = "a scenario gives the value itself; to try several, name them or their set under `for_each`"

CASES_LIMIT = 200_000
"""Cases of all scenarios of a rulebook at the most; so many take half a minute."""

_Values = dict[str, tuple[Scalar, ...]]


class ScenarioReader:
    """Reads scenario files, with the rulebook's facts and tables and the words that its answers can have."""

    def __init__(
        self,
        facts: AbstractMapping[str, Fact],
        tables: AbstractMapping[str, Table],
        expected: ExpectedReader,
        conditions: ConditionReader,
        shapes: Shapes,
    ) -> None:
        self._facts = facts
        self._tables = tables
        self._expected = expected
        self._conditions = conditions
        self._shapes = shapes
        self._problems = shapes.problems
        self._cases_left = CASES_LIMIT
        self._lacking: dict[str, dict[Spot, None]] = {}
        self._sets: dict[tuple[str, date], AbstractMapping[str, frozenset[str]]] = {}

    def suite(self, file: str, node: Node | None) -> Suite:
        """The scenarios and promises of one file."""
        top = self._shapes.keys(node, "a scenario file", *grammar.SCENARIOS_FILE)
        if top is None:
            return Suite()
        given = self._values(top.get("given"), "`given`")
        names: dict[str, Spot] = {}
        scenarios: list[Scenario] = []
        self._lacking = {}
        for entry in self._shapes.items(top.get("scenarios"), "`scenarios`"):
            scenarios += self._scenario(file, entry, given, names)
        self._tell_lacking(top)
        promises = [
            promise
            for key in ("always", "never")
            for entry in self._shapes.items(top.get(key), f"`{key}`")
            if (promise := self._promise(entry, never=key == "never")) is not None
        ]
        start = {name: words[0].text for name, words in given.items() if words}
        return Suite(tuple(scenarios), tuple(promises), start)

    def _tell_lacking(self, top: Keys) -> None:
        """Tells what scenarios do not say: what several do not say is best added to `given`, so it is told there, once."""
        for name, spots in self._lacking.items():
            if len(spots) > 1 and "given" in top.spots:
                message = f"`given` does not say `{name}`, and {len(spots)} scenarios do not say it either"
                self._problems.error("R102", message, top.spots["given"], help=f"add `{name}: …`", also=tuple(spots)[:1])
                continue
            for spot in spots:
                help = f"add it to `given` or `but`: {name}"
                self._problems.error("R102", f"the scenario does not say `{name}`", spot, help=help)

    def _values(self, node: Node | None, what: str, *, several: bool = False) -> _Values:
        """The values given for facts; one each, or with `several` lists and sets too. What is refused leaves none."""
        keys = self._shapes.keys(node, what, [], [DAY, *FACTS]) if node is not None else None
        values: _Values = {}
        for name, value in keys.values.items() if keys else ():
            if name != DAY and name not in self._facts:
                continue
            words = self._shapes.words(value, f"`{name}` of {what}")
            if several and not words:
                help = "name a value or a set, or leave the fact out"
                self._problems.error("R103", f"`{name}` of {what} names nothing", value.spot, help=help)
            if not several and (len(words) != 1 or "." in words[0].text):
                help = "to try several, name them or their set under `for_each`"
                self._problems.error("R103", f"`{name}` of {what} must be one value", value.spot, help=help)
                words = ()
            values[name] = tuple(word for word in words if self._fits(name, word))
        return values

    def _fits(self, name: str, word: Scalar) -> bool:
        if name == DAY:
            return self._shapes.day(word, f"`{DAY}`") is not None
        if self._conditions.told_as_condition(self._facts[name], word, _GIVEN):
            return False
        return self._conditions.member(self._facts[name], word) is not None

    def _scenario(self, file: str, node: Node, given: _Values, names: dict[str, Spot]) -> list[Scenario]:
        keys = self._shapes.keys(node, "a scenario", *grammar.SCENARIO)
        if keys is None or keys.get("name") is None:
            return []
        name = self._shapes.scalar(keys.get("name"), "`name`")
        if name is None or not self._shapes.text(name, "`name` of a scenario"):
            return []
        self._shapes.check_whole(name, "`name` of a scenario")
        if name.text in names:
            self._problems.error(
                "R114", "two scenarios have this name", name.spot, help="say what differs", also=(names[name.text],)
            )
        names[name.text] = name.spot
        if keys.get("expect") is None and keys.get("table") is None:
            self._problems.error(
                "R102", "a scenario lacks `expect`", name.spot, help="say what must come out, else it proves nothing"
            )
        base = {**given, **self._values(keys.get("but"), "`but`")}
        convictions = self._convictions(keys.get("convictions"))
        expect = keys.get("expect")
        rows = self._rows(keys.get("table")) if keys.get("table") else (({}, None, None),)
        axes = self._values(keys.get("for_each"), "`for_each`", several=True)
        notice = self._notice(keys.get("notice"))
        named = frozenset(w.text for values in (base, axes) for words in values.values() for w in words if "." in w.text)
        found = []
        for row_values, row_expect, row in rows:
            if expect is not None or row is not None:  # that there is none at all has been told
                self._check_says_something(expect, row_expect, row or name.spot)
            expectation = self._expected.expectation(expect, row_expect)
            if not self._may_have({**base, **row_values}, axes, name):
                break
            for variant, values in self._variants({**base, **row_values}, axes, row_values):
                case = self._case(values, {*base, *row_values, *axes}, convictions, name.spot)
                if case is not None:
                    found.append(
                        Scenario(
                            file=file,
                            name=name.text,
                            variant=variant,
                            case=case,
                            expect=expectation,
                            spot=name.spot,
                            named=named,
                            row=row,
                            notice=notice,
                        )
                    )
        return found

    def _check_says_something(self, expect: Node | None, of_row: Node | None, spot: Spot) -> None:
        """Tells an `expect` that is empty, or lacking: such a case passes whatever comes out."""
        said = [node for node in (expect, of_row) if node is not None]
        empty = [node.spot for node in said if isinstance(node, Scalar | Mapping) and not _entries(node)]
        help = "say what must come out, e.g. `{outcome: notify}`"
        for place in empty or ([] if said else [spot]):
            self._problems.error("R103", "a scenario expects nothing", place, help=help)

    def _notice(self, node: Node | None) -> tuple[str, ...]:
        """The situation in which the notice is read."""
        words = self._shapes.words(node, "`notice`") if node is not None else ()
        return tuple(word.text for word in words if self._shapes.choice(word, "`notice`", grammar.SITUATIONS))

    def _rows(self, node: Node | None) -> tuple[tuple[_Values, Node | None, Spot | None], ...]:
        rows = []
        entries = self._shapes.items(node, "`table`")
        if node is not None and not entries:
            self._problems.error("R103", "`table` of a scenario has no row", node.spot, help="a row is a case that is tried")
        for entry in entries:
            mapping = self._shapes.mapping(entry, "a row of `table`")
            if mapping is not None:
                expect = next((value for key, value in mapping.items if key.text == "expect"), None)
                rest = Mapping(tuple(pair for pair in mapping.items if pair[0].text != "expect"), mapping.spot)
                rows.append((self._values(rest, "a row of `table`"), expect, mapping.spot))
        return tuple(rows)

    def _variants(self, base: _Values, axes: _Values, row: _Values) -> Iterator[tuple[str, dict[str, str]]]:
        fixed, options = self._options(base, axes)
        label = [f"{name} {words[0].text}" for name, words in row.items() if words]
        for choice in product(*options):
            variant = ", ".join([*label, *(f"{name} {value}" for name, value in choice)])
            yield variant, {**fixed, **dict(choice)}

    def _options(self, base: _Values, axes: _Values) -> tuple[dict[str, str], list[list[tuple[str, str]]]]:
        """What is the same in every variant, and for each fact of `for_each` what it is in turn."""
        fixed = {name: words[0].text for name, words in base.items() if words and name not in axes}
        day = self._day(fixed)
        return fixed, [[(name, value) for value in self._expand(name, axes[name], day)] for name in axes]

    def _may_have(self, base: _Values, axes: _Values, name: Scalar) -> bool:
        """Counts the variants of a scenario. What goes beyond the bound is told, once, and is not multiplied out."""
        if self._cases_left < 0:
            return False
        _, options = self._options(base, axes)
        variants = prod(map(len, options))
        self._cases_left -= variants
        if self._cases_left >= 0:
            return True
        sizes = " x ".join(f"{len(values):,} of `{fact}`" for fact, values in zip(axes, options, strict=True))
        message = f"the scenarios have over {CASES_LIMIT:,} cases, with {variants:,} of this one"
        message += f" ({sizes})" if len(axes) > 1 else ""
        help = "multiply fewer sets under `for_each`: vary one fact at a time, and let a promise (`always`) say what holds in every case"
        self._problems.error("R003", message, name.spot, help=help)
        return False

    def _expand(self, name: str, words: tuple[Scalar, ...], day: date) -> tuple[str, ...]:
        """The rows that words of a `for_each` stand for: a set stands for its rows on the day of the scenario."""
        fact = self._facts.get(name)
        if fact is None or fact.table is None:
            return tuple(word.text for word in words)
        sets = self._sets_on(fact.table, day)
        rows: list[str] = []
        for word in words:
            rows += sorted(sets[word.text.removeprefix(f"{fact.table}.")]) if "." in word.text else [word.text]
        return tuple(dict.fromkeys(rows))

    def _sets_on(self, table: str, day: date) -> AbstractMapping[str, frozenset[str]]:
        if (table, day) not in self._sets:
            self._sets[table, day] = sets_on(self._tables[table], day)
        return self._sets[table, day]

    def _day(self, values: AbstractMapping[str, str]) -> date:
        return date.fromisoformat(values[DAY]) if DAY in values else date(2025, 1, 1)

    def _convictions(self, node: Node | None) -> tuple[tuple[str, str], ...] | None:
        if node is None:
            return None
        pairs = []
        for entry in self._shapes.items(node, "`convictions`"):
            keys = self._shapes.keys(entry, "a conviction", *grammar.CONVICTION)
            values = self._values(entry, "a conviction") if keys else {}
            if all(values.get(name) for name in grammar.CONVICTION.required):
                pairs.append((values["charge_code"][0].text, values["charge_status"][0].text))
        return tuple(pairs)

    def _case(
        self, values: dict[str, str], said: set[str], convictions: tuple[tuple[str, str], ...] | None, spot: Spot
    ) -> Case | None:
        needed = [name for name in (DAY, *FACTS) if name not in values]
        if convictions is not None:
            needed = [name for name in needed if name not in CONVICTION_FACTS]
        lacking = [name for name in needed if name not in said and (name in self._facts or name == DAY)]
        for name in lacking:
            self._lacking.setdefault(name, {})[spot] = None
        if needed:  # one that was said was refused, which has been told
            return None
        pairs = convictions if convictions is not None else ((values["charge_code"], values["charge_status"]),)
        shared = {name: value for name, value in values.items() if name in self._facts and not self._facts[name].per_conviction}
        return Case(self._day(values), shared, pairs)

    def _promise(self, node: Node, *, never: bool) -> Promise | None:
        """A promise, or None where it could not be read whole: half of one might seem broken."""
        errors = self._problems.errors
        keys = self._shapes.keys(node, "a promise", *grammar.PROMISE)
        if keys is None or keys.get("name") is None:
            return None
        name = self._shapes.text(keys.get("name"), "`name`")
        if isinstance(sentence := keys.get("name"), Scalar):
            self._shapes.check_whole(sentence, "`name` of a promise")
        outcome, when = self._promise_when(keys.get("when"))
        expect = self._shapes.keys(keys.get("expect"), "`expect` of a promise", *grammar.PROMISED)
        if expect is not None and not expect.values:
            help = "say what holds in every case that fits, e.g. `sends: []`"
            self._problems.error("R103", "`expect` of a promise says nothing", expect.spot, help=help)
        if expect is None or not expect.values:
            return None
        self._check_choice(expect.get("some_of"))
        if expect.get("sends") is not None and self._shapes.items(expect.get("sends"), "`sends`"):
            help = "a promise says `sends: []`; to ask for a send, write `some_of: [{send: {to: …}}]`"
            self._problems.error("R103", "`sends` of a promise is the empty list", expect.spots["sends"], help=help)
        distinct = expect.get("sends_to")
        outcome_node = expect.get("outcome")
        promise = Promise(
            name=name,
            never=never,
            outcome=outcome,
            when=when,
            no_sends=expect.get("sends") is not None,
            distinct=distinct is not None and self._shapes.choice(distinct, "`sends_to` of a promise", (DISTINCT,)) is not None,
            some_of=self._expected.some_of(expect.get("some_of")),
            outcome_is=self._shapes.choice(outcome_node, "`outcome`", OUTCOMES) if outcome_node is not None else None,
            spot=keys.values["name"].spot,
        )
        return promise if self._problems.errors == errors else None

    def _check_choice(self, node: Node | None) -> None:
        """Tells a `some_of` that names nothing, and so would always hold."""
        entries = self._shapes.items(node, "`some_of`") if node is not None else ()
        if node is not None and not entries:
            self._problems.error("R103", "`some_of` names nothing", node.spot, help="e.g. `[{send: {to: release_state}}]`")
        for entry in entries:
            if isinstance(entry, Mapping) and not entry.items:
                help = "e.g. `{send: {to: release_state}}`"
                self._problems.error("R103", "an entry of `some_of` says nothing", entry.spot, help=help)

    def _promise_when(self, node: Node | None) -> tuple[str | None, tuple[Condition, ...]]:
        mapping = self._shapes.mapping(node, "`when` of a promise") if node is not None else None
        outcome, conditions = None, []
        for key, value in mapping.items if mapping else ():
            if key.text == grammar.OUTCOME_KEY:
                outcome = self._shapes.choice(value, "`outcome`", OUTCOMES)
            elif self._conditions.is_fact(key, grammar.OUTCOME_KEY):
                conditions.append(self._conditions.condition(key, value))
        return outcome, tuple(conditions)


def _entries(node: Scalar | Mapping) -> int:
    """How much a node says: the length of a text, the number of keys."""
    return len(node.text) if isinstance(node, Scalar) else len(node.items)
