"""The reference says all there is and nothing else: each list in docs/ is held against the code it describes."""

import asyncio
import re
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import cast, get_args

import httpx
import pytest
from fastapi.routing import APIRoute
from pydantic_core import PydanticUndefined
from typer.main import get_command

from app.api.app import build_app
from app.api.description.docs import router
from app.api.metrics.about_metrics import About
from app.api.metrics.metrics import Metrics
from app.api.parts import Parts
from app.cli.main import COMMANDS
from app.decide.decide import ENGINE_DISAGREEMENT, NOT_CONFIRMED, REVIEW, TOO_LONG
from app.domain.codes import WARNINGS, WORK_ITEMS
from app.domain.statuses import Status
from app.domain.surge import SURGE
from app.rulebook.language import grammar
from app.rulebook.problems.titles import TITLES
from app.rulebook.reading.facts import CODE_FIELDS
from app.rulebook.reading.messages import FIELDS, ONLY
from app.settings import Duration, Settings, seconds
from app.simulator.script import LinkFault, MessageFault
from app.store.callers.feeds import FEED_COUNT, FEED_SILENT
from app.store.desk.taken import TAKEN
from app.store.ledger.held import ABOUT_INBOUND

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def reference(name: str) -> str:
    """A page of the reference."""
    return (DOCS / "reference" / name).read_text()


def first_cells(page: str) -> list[str]:
    """What stands in code marks in the first cell of every table row."""
    rows = re.findall(r"^\| (.*?) \|", page, re.MULTILINE)
    return [word for row in rows for word in re.findall(r"`([^`]+)`", row)]


def code_of(*rooms: str) -> str:
    """The source of some rooms, joined."""
    return "\n".join(file.read_text() for room in rooms for file in sorted((ROOT / "app" / room).rglob("*.py")))


def test_every_setting_is_documented_and_no_other() -> None:
    """docs/reference/settings.md has a row for each field of Settings."""
    expected = {f"LENS_{name.upper()}" for name in Settings.model_fields}
    assert {cell for cell in first_cells(reference("settings.md")) if cell.startswith("LENS_")} == expected


@pytest.mark.parametrize("name", Settings.model_fields)
def test_the_default_of_a_setting_is_the_documented_one(name: str) -> None:
    """The second cell of a setting's row is its default, a duration written with its unit, `none` for None, `yes` for True."""
    row = re.search(rf"^\| `LENS_{name.upper()}` \| `?([^|`]*)`? \|", reference("settings.md"), re.MULTILINE)
    assert row is not None
    field = Settings.model_fields[name]
    assert field.default is not PydanticUndefined
    if field.metadata and field.metadata[0] in Duration.__metadata__:  # type: ignore[attr-defined]
        assert seconds(row[1]) == field.default
    else:
        words = {None: "none", True: "yes", False: "no"} if field.default is None or isinstance(field.default, bool) else {}
        assert row[1] == words.get(field.default, str(field.default))


def test_every_rulebook_fault_is_documented_and_no_other() -> None:
    """Each code that a check can give has its own page, named in the list of pages; and no page is of a code that is gone."""
    sources = [path for path in (ROOT / "app").rglob("*.py") if path.name != "titles.py"]
    codes = {code for path in sources for code in re.findall(r'"([RM][0-9]{3})"', path.read_text())}
    rows = re.findall(r"^\| \[([RM][0-9]{3})\]\(\1\.md\) \| \w+ \| (.*) \|$", reference("problems/README.md"), re.MULTILINE)
    listed = [code for code, _ in rows]
    assert dict(rows) == TITLES
    pages = {path.stem for path in (ROOT / "docs/reference/problems").glob("[RM]*.md")} - {"README"}
    assert sorted(listed) == sorted(codes)
    assert pages == codes
    for code, title in rows:
        assert reference(f"problems/{code}.md").splitlines()[0].casefold() == f"# {code}: {title}".casefold()


def test_every_warning_is_documented() -> None:
    """docs/reference/warnings.md has a row for each caution that deciding can give; those about a code share a beginning."""
    given = set(re.findall(r'Caution\(\s*f?"([a-z-]+)["{]', code_of("decide")))
    rows = first_cells(reference("warnings.md"))
    assert {code for code in given if code not in rows and not any(row.startswith(code) for row in rows)} == set()


def test_every_warning_is_known_to_callers() -> None:
    """The codes that the API describes are those that deciding can give."""
    given = set(re.findall(r'Caution\(\s*"([a-z-]+)"', code_of("decide")))
    coded = {*grammar.FACTS, *CODE_FIELDS.values(), "place_of_birth"}
    given |= {f"unknown-{name.replace('_', '-')}" for name in coded}
    assert sorted(given) == list(WARNINGS)


def test_every_work_item_is_documented() -> None:
    """docs/reference/work-items.md has a row for each code that LENS or the shipped rules can open."""
    given = set(re.findall(r'Raised\("([a-z-]+)"', code_of("store", "dispatch")))
    given |= {NOT_CONFIRMED, TOO_LONG, ENGINE_DISAGREEMENT, REVIEW, SURGE, FEED_COUNT, FEED_SILENT, TAKEN, *ABOUT_INBOUND}
    given |= set(re.findall(r"code: ([a-z-]+)", (ROOT / "rules" / "routing.yaml").read_text())) - {"code"}
    assert given == set(first_cells(reference("work-items.md")))
    assert sorted(given) == list(WORK_ITEMS)


def test_every_fault_of_the_simulated_switch_is_documented() -> None:
    """docs/reference/switch.md has a row for each kind of fault."""
    kinds = [*get_args(MessageFault), *get_args(LinkFault)]
    assert [kind for kind in kinds if kind not in first_cells(reference("switch.md"))] == []


def test_every_status_is_documented_in_order() -> None:
    """docs/reference/message-statuses.md has a row for each status."""
    rows = re.findall(r"^\| `([a-z_]+)` \|", reference("message-statuses.md"), re.MULTILINE)
    assert rows == [status.value for status in Status]


def test_every_template_field_is_documented() -> None:
    """docs/reference/message-format.md names each field and each condition of a line."""
    page = reference("message-format.md")
    assert [word for word in [*FIELDS, *ONLY] if f"`{word}`" not in page] == []


LANGUAGE = {
    "facts/v1": "FACTS_FILE FACT YES_NO_FACT",
    "ref_data/v1": "TABLE_FILE COLUMN CHANGE SET",
    "rules/v1": "RULES_FILE RULE EFFECTIVE OTHERWISE AUTHORITY CONDITION DECIDES_OUTCOME DECIDES_ROUTE OUTCOME_LIST ONLY_IF "
    "THEN_OUTCOME THEN_ROUTE SEND WORK_ITEM",
    "messages/v1": "MESSAGES_FILE MESSAGE LINE NEVER_DISCLOSE",
    "scenarios/v1": "SCENARIOS_FILE SCENARIO CONVICTION EXPECT EXPECTED_SEND EXPECTED_WORK_ITEM PROMISE PROMISED SOME_OF",
    "corrections/v1": "CORRECTIONS_FILE CORRECTION",
}
"""The forms of the grammar that files of each kind are made of."""


@pytest.mark.parametrize("kind", grammar.KINDS)
def test_every_key_of_the_language_is_documented(kind: str) -> None:
    """The section of docs/reference/rules-language.md about a kind of file names every key that such a file may have, in code marks."""
    section = re.search(rf"^## `{kind}`.*?(?=^## |\Z)", reference("rules-language.md"), re.MULTILINE | re.DOTALL)
    assert section is not None
    code = " ".join(re.findall(r"`([^`]+)`", re.sub(r"```.*?```", "", section[0], flags=re.DOTALL)))
    words = set(re.findall(r"[a-z_]+(?:\.[a-z_]+)?", code))
    keys = [key for name in LANGUAGE[kind].split() for key in getattr(grammar, name).all_keys()]
    assert [key for key in keys if key not in words] == []


def test_no_form_of_the_language_is_left_out() -> None:
    """Every form of the grammar belongs to a kind of file."""
    forms = {name for name, found in vars(grammar).items() if isinstance(found, grammar.Form)}
    assert forms == {name for names in LANGUAGE.values() for name in names.split()}


def commands() -> dict[str, list[str]]:
    """Every command of `lens`, with the options it takes."""
    found: dict[str, list[str]] = {}
    for name, entry in COMMANDS.items():
        command = get_command(import_module(entry.module).app)
        inner = getattr(command, "commands", None)
        leaves = {f"{name} {sub}": leaf for sub, leaf in inner.items()} if inner else {name: command}
        for path, leaf in leaves.items():
            options = [option for parameter in leaf.params for option in parameter.opts if option.startswith("--")]
            found[path] = [option for option in options if option != "--help"]
    return found


@pytest.mark.parametrize("command", commands())
def test_every_command_and_option_is_documented(command: str) -> None:
    """docs/reference/cli.md has a section for each command, which names each of its options."""
    section = re.search(rf"^### `lens {command}\b.*?(?=^##|\Z)", reference("cli.md"), re.MULTILINE | re.DOTALL)
    assert section is not None, f"add a section `### `lens {command}`` to docs/reference/cli.md"
    assert [option for option in commands()[command] if f"`{option}" not in section[0]] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    """Each section of docs/reference/cli.md is about a command that there is."""
    sections = re.findall(r"^### `lens ([a-z ]+?)(?: [^a-z`][^`]*)?`", reference("cli.md"), re.MULTILINE)
    assert set(sections) == set(commands())


def endpoints() -> set[str]:
    """Every endpoint of the API, as `GET /path`: those it describes, and those that describe it."""
    app = build_app(cast("Parts", SimpleNamespace(metrics=Metrics(), about=About("", {}))))

    async def description() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://lens") as client:
            return await client.get("/openapi.json")

    paths = asyncio.run(description()).json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    pages = {route.path for route in router.routes if isinstance(route, APIRoute) and not route.path.startswith("/docs/")}
    return described | {f"GET {path}" for path in pages | {"/openapi.json"}}


def test_every_endpoint_is_documented_and_no_other() -> None:
    """The table of docs/reference/http-api.md names each endpoint with its method, and none that does not exist."""
    named = set(re.findall(r"`((?:GET|POST|PUT|DELETE) /[^`]*)`", reference("http-api.md")))
    assert named == endpoints()
