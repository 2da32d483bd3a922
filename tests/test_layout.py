"""The house rules: imports run one way, none is hidden, and nothing grows too large."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clicktrail.http.router import RESOURCES

SOURCE = Path(__file__).parent.parent / "src" / "clicktrail"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_FUNCTION, MAX_MODULE = 40, 350
LAYERS = (
    "cli",
    "app",
    "opening",
    "checks helper",
    "choices",
    "http/router",
    "http/openapi http/fast",
    "http/resources http/web",
    "http/tracking",
    "http/endpoint",
    "http/visitor",
    "observe",
    "tokens people imports retention objections delivery live",
    "store/store ingest keyring",
    "store/vitals store/engines store/exchange",
    "store/migrations store/privacy",
    "store/registrations",
    "store/clicks",
    "store/outbox",
    "store/objects",
    "store/counting store/reads",
    "store/session",
    "store/memory",
    "query",
    "reports",
    "model",
    "errors",
)
"""From the outside in: a room imports only from rooms below it (docs/adr/0002-layout.md)."""
RANKS = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms.split()}
ANYWHERE = {"__version__"}
SETTINGS_READERS = {"cli", "app", "opening", "checks", "choices", "helper"}
ISLANDS = {"cli/api_client", "settings"}


def room_of(*parts: str) -> str:
    """`http/endpoint` for clicktrail.http.endpoint.call, `query` for clicktrail.query.fields.click."""
    depth = 2 if parts[0] in ("http", "store") or "/".join(parts[:2]) in ISLANDS else 1
    return "/".join(parts[:depth])


def own_room(path: Path) -> str:
    return room_of(*path.relative_to(SOURCE).with_suffix("").parts)


def imports_of(tree: ast.AST) -> Iterator[str]:
    """The rooms that a module imports from."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "clicktrail":
            for alias in node.names:
                yield room_of(*(node.module or "").split(".")[1:], alias.name)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    own = own_room(path)
    for room in {*imports_of(ast.parse(path.read_text()))} - {own} - ANYWHERE:
        if own in ISLANDS:
            raise AssertionError(f"{path} is an island and imports {room}")
        if room == "settings":
            assert own in SETTINGS_READERS, f"{path} reads settings"
        elif room == "cli/api_client":
            assert own == "cli", f"{path} calls the API"
        elif own not in ("__init__", "__main__"):
            assert RANKS[own] < RANKS[room], f"{path} imports {room}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_hidden_or_too_large(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MAX_MODULE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION, f"{path}:{node.lineno} {node.name} has {length} lines"
            hidden = [inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
            assert not hidden, f"{path}:{hidden[0].lineno} imports inside a function"


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_constructors_name_their_values(path: Path) -> None:
    """At most four values by position: nobody counts commas."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and re.match("_?[A-Z][a-z]", node.func.id):
            is_counted = len(node.args) > 4 and not any(isinstance(each, ast.Starred) for each in node.args)
            assert not is_counted, f"{path}:{node.lineno} {node.func.id} has {len(node.args)} values without names"


SQL = re.compile(r"\b(SELECT\b.*\bFROM\b|INSERT INTO|DELETE FROM|UPDATE \w+ SET|COPY \()", re.DOTALL)


def texts_of(tree: ast.AST) -> Iterator[str]:
    """All texts of a module; an f-string is one text, with `{}` for its values."""
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sql_stands_in_the_store_alone(path: Path) -> None:
    if not own_room(path).startswith("store"):
        assert not [text for text in texts_of(ast.parse(path.read_text())) if SQL.search(text)]


def test_sql_in_a_formatted_text_is_found() -> None:
    [text, *_] = texts_of(ast.parse("f'SELECT {columns} FROM clicks'"))
    assert SQL.search(text)


TIMES = re.compile(r"\btime\.(time|time_ns|monotonic|monotonic_ns)\(|\b(now|utcnow)\((UTC)?\)|SYSTEM_CLOCK\.\w+\(")
WAITING = "store/engines/postgres/doubt.py"
"""Waits for another machine, in its time."""


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_the_clock_is_passed_in(path: Path) -> None:
    """Commands aside, which begin with the system's clock. `perf_counter` measures how long an answer takes."""
    place = str(path.relative_to(SOURCE))
    if own_room(path) != "cli" and place not in ("model/clock.py", WAITING):
        lines = path.read_text().splitlines()
        assert not [line for line in lines if TIMES.search(line)]


CAMEL = re.compile(r"[a-z]+([A-Z][a-z]*)+")
OF_FILES = {"ingest/imports", "store/exchange/rows", "store/exchange/export_columns", "query/imports", "query/kinds"}
"""Modules that read or write JSON themselves: rows of files, exports, JSON Schema."""


def keys_of(tree: ast.AST) -> Iterator[object]:
    """The constant keys of all dicts: written, read by `[…]` or read by `get`."""
    for node in ast.walk(tree):
        keys: list[ast.expr | None] = []
        if isinstance(node, ast.Dict):
            keys = node.keys
        elif isinstance(node, ast.Subscript):
            keys = [node.slice]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("get", "pop"):
            keys = [*node.args[:1]]
        yield from (key.value for key in keys if isinstance(key, ast.Constant))


def test_json_names_stay_in_http() -> None:
    """Below `http`, values have the names of columns; `Field.name` is their JSON name."""
    found = {}
    for path in MODULES:
        place = str(path.relative_to(SOURCE).with_suffix(""))
        if not place.startswith(("http", "cli")) and place not in OF_FILES:
            names = [key for key in keys_of(ast.parse(path.read_text())) if isinstance(key, str)]
            found[place] = [name for name in names if CAMEL.fullmatch(name)]
    assert {place: names for place, names in found.items() if names} == {}


def test_one_module_changes_stored_clicks() -> None:
    """Migrations, retention by months, `insert` of new clicks, and the mark that a click is in the totals aside."""
    aside = {"store/migrations", "store/engines"}
    found = set()
    for path in MODULES:
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        tables = [node.args[0] for node in calls if node.func.id == "update" and node.args]  # type: ignore[attr-defined]
        changing = any(re.search(r"(UPDATE|DELETE FROM) clicks\b", text) for text in texts_of(tree))
        updating = any(isinstance(each, ast.Constant) and each.value == "clicks" for each in tables)
        if (changing or updating) and own_room(path) not in aside:
            found.add(str(path.relative_to(SOURCE)))
    assert found == {"store/clicks/change.py", "store/counting/totals.py"}


def test_the_router_has_the_operations_of_every_file() -> None:
    declared = {
        room_of(*path.relative_to(SOURCE).with_suffix("").parts) + "/" + path.stem
        for path in (SOURCE / "http").rglob("*.py")
        if "\nOPERATIONS = " in path.read_text()
    }
    mounted = ["/".join(resource.__name__.split(".")[1:]) for resources in RESOURCES.values() for resource in resources]
    assert sorted(mounted) == sorted(declared)
