"""The laws of the house, read from the source itself: which room may import which, one door per dependency, small files.

Each law is a function from a parsed file to the faults in it; the last tests plant one breach of each and see it found.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

LEVELS: dict[str, int] = {
    room: level
    for level, rooms in enumerate(
        [
            ["errors"],
            ["domain"],
            ["rulebook"],
            ["decide"],
            ["trials"],
            ["store"],
            ["intake", "publishing", "dispatch"],
            ["settings"],
            ["api", "console", "simulator"],
            ["running"],
            ["cli", "pytest_plugin"],
        ]
    )
    for room in rooms
}
"""A room imports itself and lower levels; rooms of one level never meet. `settings` is high, so that only wiring reads it."""

SUB_ROOMS: dict[str, dict[str, int]] = {
    room: {sub_room: level for level, sub_rooms in enumerate(levels) for sub_room in sub_rooms}
    for room, levels in {
        "rulebook": [
            ["problems"],
            ["language"],
            ["files"],
            ["reading"],
            ["engine"],
            ["proving", "comparing", "schemas", "tidying"],
            ["book"],
            ["bundles"],
        ],
        "store": [
            ["statements"],
            ["tables"],
            ["ledger"],
            ["database"],
            ["trail"],
            ["desk", "migrations", "rulebooks"],
            ["callers"],
            ["accepted"],
            ["outbox"],
            ["reads"],
            ["upkeep"],
        ],
        "api": [
            ["metrics"],
            ["requests"],
            ["description", "parts"],
            ["endpoints", "rulebooks", "serving"],
            ["app"],
        ],
        "cli": [
            ["complaining", "listing", "printing", "progress", "record", "watching"],
            ["operating", "policy", "serve", "switch", "work"],
            ["main"],
        ],
    }.items()
}
"""The same law inside the large rooms: a folder, or a file at the door, imports itself and lower levels."""

MOST_MODULES = 14
"""How many modules a folder of app/ may have beside its `__init__.py`."""

DOORS: dict[str, tuple[str, ...]] = {
    "abc": (),
    "alembic": ("store/*",),
    "anyascii": ("decide/*",),
    "cryptography": ("rulebook/bundles/signing.py", "dispatch/channels/certificates.py"),
    "dotenv": ("settings.py",),
    "durable": (),
    "durable_rules_engine": ("rulebook/engine/durable.py",),
    "fastapi": ("api/*", "console/*"),
    "jinja2": ("trials/*",),
    "jiter": ("domain/*",),
    "jsonschema_rs": ("domain/*",),
    "prometheus_client": ("api/*",),
    "psycopg": ("store/*",),
    "pydantic_settings": ("settings.py",),
    "pysqlite3": ("store/*",),
    "pytest": ("pytest_plugin/*",),
    "rich": ("cli/*", "running/*"),
    "socket": ("dispatch/channels/*", "simulator/*", "api/serving/server.py"),
    "sqlalchemy": ("store/*",),
    "sqlite3": (),
    "sqlmodel": ("store/*",),
    "ssl": ("dispatch/channels/*", "simulator/*"),
    "stamina": ("store/*",),
    "starlette": ("api/*", "console/*", "simulator/control.py"),
    "typer": ("cli/*", "running/*"),
    "uvicorn": ("api/*", "running/*", "cli/*", "simulator/control.py"),
    "yaml": ("rulebook/files/source.py",),
}
"""Where each dependency may be imported, as patterns below app/. An empty list: nowhere."""

CALLS: dict[str, tuple[str, ...]] = {
    "asyncio.open_connection": ("dispatch/channels/*", "simulator/*"),
    "asyncio.start_server": ("dispatch/channels/*", "simulator/*"),
    "date.today": ("api/*", "cli/*", "running/*", "simulator/*"),
    "datetime.now": ("api/*", "cli/*", "running/*", "simulator/*"),
    "os.environ": ("settings.py",),
    "os.getenv": ("settings.py",),
    "time.time": ("api/*", "cli/*", "running/*", "simulator/*", "store/database/engine.py"),
    "time.time_ns": ("api/*", "cli/*", "running/*", "simulator/*", "store/database/engine.py"),
}
"""Where the wall clock, the environment and sockets may be touched. Everyone else is handed `now`, a value or a channel."""

FORBIDDEN_NAMES = {"base", "common", "helper", "helpers", "manager", "managers", "misc", "service", "services", "util", "utils"}
FILE_LINES = 400
FUNCTION_LINES = 60


class Source(NamedTuple):
    """One file: its path below the root (posix), its room (None outside app/), its text and tree."""

    path: str
    room: str | None
    text: str
    tree: ast.Module

    @property
    def below_app(self) -> str:
        """The path below app/, as the tables of doors write it."""
        return self.path.removeprefix("app/")

    def fault(self, node: ast.AST, what: str) -> str:
        """A fault at a place, as an editor can follow it."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {what}"


def sources(root: Path) -> list[Source]:
    """Every Python file of app/ and tests/ but Alembic's generated revisions."""
    found = []
    for file in sorted([*(root / "app").rglob("*.py"), *(root / "tests").rglob("*.py")]):
        path = file.relative_to(root).as_posix()
        if path.startswith("app/store/migrations/versions/"):
            continue
        text = file.read_text(encoding="utf-8")
        parts = path.split("/")
        room = parts[1].removesuffix(".py") if parts[0] == "app" else None
        found.append(Source(path, room, text, ast.parse(text, path)))
    return found


def imported(source: Source) -> Iterator[tuple[ast.stmt, str]]:
    """Every module a file imports, wherever in the file, with dots at the front resolved."""
    package = source.path.removesuffix(".py").split("/")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: -node.level] if node.level else []
            module = ".".join([*above, *([node.module] if node.module else [])])
            # `from app import store` imports a room by its name.
            yield from ((node, f"{module}.{alias.name}") for alias in node.names)


def direction_faults(source: Source) -> Iterator[str]:
    """Data flows one way: a module imports its own room and those before it."""
    if source.room is None or source.room == "__init__":
        return
    if source.room not in LEVELS:
        yield source.fault(source.tree, f"{source.room} is not a room of the house; see LEVELS in tests/test_layers.py")
        return
    for node, module in imported(source):
        if not module.startswith("app."):
            continue
        target = module.split(".")[1]
        if target != source.room and LEVELS.get(target, 99) >= LEVELS[source.room]:
            yield source.fault(node, f"{source.room} must not import {target}")


def sub_room_faults(source: Source) -> Iterator[str]:
    """The same direction inside a large room: its folders, and the files at its door, import themselves and lower levels."""
    levels = SUB_ROOMS.get(source.room or "")
    if levels is None or source.path.endswith(f"app/{source.room}/__init__.py"):
        return
    own = source.path.split("/")[2].removesuffix(".py")
    if own not in levels:
        yield source.fault(source.tree, f"{source.room}/{own} is not a part of its room; see SUB_ROOMS in tests/test_layers.py")
        return
    for node, module in imported(source):
        parts = module.split(".")
        if parts[:2] != ["app", source.room] or len(parts) < 3:
            continue
        target = parts[2]
        if target != own and levels.get(target, 99) >= levels[own]:
            yield source.fault(node, f"{source.room}/{own} must not import {source.room}/{target}")


def folder_faults(found: list[Source]) -> Iterator[str]:
    """A folder of app/ is small enough to be read as a list, and says in one sentence what belongs in it."""
    modules = Counter(
        source.path.rpartition("/")[0] for source in found if source.room and not source.path.endswith("/__init__.py")
    )
    for folder, count in modules.items():
        if count > MOST_MODULES:
            yield f"{folder}: {count} modules; a folder has at most {MOST_MODULES}: divide it by what its modules are about"
    for source in found:
        if source.path.endswith("/__init__.py") and source.room and not ast.get_docstring(source.tree):
            yield f"{source.path}: says what belongs in this folder, in a docstring of one sentence"


def door_faults(source: Source) -> Iterator[str]:
    """One door per dependency; and the clock, the environment and sockets are touched at the edges only."""
    if source.room is None:
        return
    for node, module in imported(source):
        dependency = module.split(".")[0]
        if dependency in DOORS and not _allowed(source, DOORS[dependency]):
            yield source.fault(node, f"{dependency} may be imported only in {', '.join(DOORS[dependency]) or 'no module'}")
        if module in CALLS and not _allowed(source, CALLS[module]):
            yield source.fault(node, f"{module} may be used only in {', '.join(CALLS[module])}")
    for use in ast.walk(source.tree):
        if isinstance(use, ast.Attribute) and isinstance(use.value, ast.Name | ast.Attribute):
            owner = use.value.id if isinstance(use.value, ast.Name) else use.value.attr
            name = f"{owner}.{use.attr}"
            if name in CALLS and not _allowed(source, CALLS[name]):
                yield source.fault(use, f"{name} may be used only in {', '.join(CALLS[name])}")


def _allowed(source: Source, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch(source.below_app, pattern) for pattern in patterns)


def transaction_faults(source: Source) -> Iterator[str]:
    """What runs in a transaction may stand above the store; it passes the transaction on to the store, and asks it nothing."""
    if source.room is None or source.room == "store":
        return
    for use in ast.walk(source.tree):
        if isinstance(use, ast.Attribute) and isinstance(use.value, ast.Name) and use.value.id == "transaction":
            yield source.fault(use, f"transaction.{use.attr}: only the store looks into a transaction")


def shape_faults(source: Source) -> Iterator[str]:
    """Small files, functions that fit a screen, names that say something, one Protocol."""
    lines = source.text.count("\n")
    if lines > FILE_LINES:
        yield source.fault(source.tree, f"{lines} lines; a file has at most {FILE_LINES}: split it by what it is about")
    if named := FORBIDDEN_NAMES.intersection(source.path.removesuffix(".py").split("/")):
        yield source.fault(source.tree, f"the name {named.pop()} says nothing; name the module after what it knows")
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield source.fault(node, f"{node.name} has {length} lines; a function has at most {FUNCTION_LINES}")
        elif _is_protocol(node) and source.room and source.below_app != "dispatch/channel.py":
            yield source.fault(node, "the one Protocol is Channel; take a function or a class instead")


def _is_protocol(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and not {"Protocol", "typing.Protocol"}.isdisjoint(map(ast.unparse, node.bases))


def faults(root: Path) -> list[str]:
    """Every breach of the laws below a root."""
    laws = (direction_faults, sub_room_faults, door_faults, transaction_faults, shape_faults)
    found = sources(root)
    return [*folder_faults(found), *(fault for source in found for law in laws for fault in law(source))]


def test_the_house_keeps_its_laws() -> None:
    """No file breaks a law: direction of imports, doors, sizes, names."""
    assert faults(ROOT) == []


def test_every_room_is_looked_at() -> None:
    """The walk over the house finds its rooms, so that an empty answer means something."""
    rooms = {source.room for source in sources(ROOT)}
    assert {"errors", "domain", "rulebook", "decide", "trials", "store", "intake", "publishing", "dispatch"} <= rooms
    assert {"api", "simulator", "running", "cli"} <= rooms


BREACHES = [
    ("app/intake/a.py", "from app.dispatch.channel import Channel", "intake must not import dispatch"),
    ("app/dispatch/a.py", "def f() -> None:\n    import app.intake.accept", "dispatch must not import intake"),
    ("app/domain/a.py", "from app.rulebook import book", "domain must not import rulebook"),
    ("app/decide/a.py", "from app import store", "decide must not import store"),
    ("app/rulebook/reading/a.py", "from ...decide.facts import x", "rulebook must not import decide"),
    ("app/store/a.py", "from app.settings import read_settings", "store must not import settings"),
    ("app/api/a.py", "import app.cli.main", "api must not import cli"),
    ("app/errors.py", "import app.domain", "errors must not import domain"),
    ("app/cli/a.py", "import app.pytest_plugin", "cli must not import pytest_plugin"),
    ("app/reports/a.py", "", "reports is not a room"),
    ("app/trials/a.py", "import app.store.database.engine", "trials must not import store"),
    ("app/intake/b.py", "from app.publishing import shelf", "intake must not import publishing"),
    ("app/running/a.py", "from app.cli.main import main", "running must not import cli"),
    (
        "app/rulebook/language/a.py",
        "from app.rulebook.reading.content import Content",
        "rulebook/language must not import rulebook/reading",
    ),
    ("app/store/tables/a.py", "from app.store import desk", "store/tables must not import store/desk"),
    ("app/api/requests/a.py", "from app.api.parts import Parts", "api/requests must not import api/parts"),
    ("app/store/a.py", "", "store/a is not a part of its room"),
    ("app/domain/__init__.py", "", "says what belongs in this folder"),
    ("app/rulebook/book.py", "import yaml", "yaml may be imported only in rulebook/files/source.py"),
    ("app/rulebook/language/evaluate.py", "import durable_rules_engine as e", "durable_rules_engine may be imported only in"),
    ("app/rulebook/engine/durable.py", "from durable.lang import ruleset", "durable may be imported only in no module"),
    ("app/intake/accept.py", "import sqlalchemy.exc", "sqlalchemy may be imported only in store/*"),
    ("app/intake/accept.py", "transaction.execute('')", "only the store looks into a transaction"),
    ("app/dispatch/dispatcher.py", "from asyncio import open_connection", "asyncio.open_connection may be used only in"),
    ("app/dispatch/dispatcher.py", "import socket", "socket may be imported only in dispatch/channels/*"),
    ("app/cli/serve.py", "import os\nx = os.environ['A']", "os.environ may be used only in settings.py"),
    ("app/decide/facts.py", "import datetime\nx = datetime.datetime.now()", "datetime.now may be used only in"),
    ("app/domain/a.py", "from abc import ABC", "abc may be imported only in no module"),
    ("app/store/a.py", "class Repository(Protocol): pass", "the one Protocol is Channel"),
    ("app/store/utils.py", "", "the name utils says nothing"),
    ("tests/helpers.py", "", "the name helpers says nothing"),
    ("app/domain/a.py", "x = 1\n" * 401, "401 lines; a file has at most 400"),
    ("app/domain/a.py", "def f() -> None:\n" + "    x = 1\n" * 60, "f has 61 lines"),
]


@pytest.mark.parametrize(("path", "text", "expected"), BREACHES, ids=[expected for _, _, expected in BREACHES])
def test_a_planted_breach_is_found(tmp_path: Path, path: str, text: str, expected: str) -> None:
    """Each law, broken in a file made for it, is named with the file."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert [fault for fault in faults(tmp_path) if fault.startswith(path) and expected in fault]


SOUND = [
    ("app/cli/serve.py", "import uvicorn\nfrom app.api.app import build\nfrom app.settings import read_settings"),
    (
        "app/dispatch/channels/tcp.py",
        "import ssl\nfrom asyncio import open_connection\nfrom app.dispatch.channel import Channel",
    ),
    ("app/simulator/line.py", "import asyncio\nclass Line(asyncio.Protocol): pass"),
    ("app/store/outbox/outbox.py", "import sqlalchemy as sa\nfrom app.domain.decision import Decision"),
    ("app/intake/accept.py", "import time\nx = time.monotonic()\nfrom app.decide.decide import Decider"),
]


@pytest.mark.parametrize(("path", "text"), SOUND, ids=[path for path, _ in SOUND])
def test_what_is_allowed_passes(tmp_path: Path, path: str, text: str) -> None:
    """The laws forbid no more than they say."""
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(text)
    assert faults(tmp_path) == []
