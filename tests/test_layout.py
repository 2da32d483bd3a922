"""The house rules: imports run one way, none is hidden, and nothing grows too large."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent.parent / "src" / "clicktrail"
MODULES = sorted(SOURCE.rglob("*.py"))
MAX_FUNCTION, MAX_MODULE = 40, 350
LAYERS = (
    "cli",
    "app",
    "choices",
    "http",
    "tokens register imports delivery",
    "store ingest",
    "query",
    "model",
    "errors",
)
"""From the outside in: a group imports only from groups below it (docs/adr/0002-layout.md)."""
ANYWHERE = {"clicktrail"}
SETTINGS_READERS = {"cli", "app", "choices"}
ISLANDS = {"client", "settings"}


def group_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports_of(tree: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "clicktrail":
            parts = (node.module or "").split(".")
            yield (parts[1] if len(parts) > 1 else f"{node.names[0].name}"), node


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_run_one_way(path: Path) -> None:
    rank = {name: place for place, names in enumerate(LAYERS) for name in names.split()}
    own = group_of(path)
    for group, _ in imports_of(ast.parse(path.read_text())):
        if group in (own, "__version__"):
            continue
        if own in ISLANDS:
            raise AssertionError(f"{path} is an island and imports {group}")
        if group == "settings":
            assert own in SETTINGS_READERS, f"{path} reads settings"
        elif group == "client":
            assert own == "cli", f"{path} calls the API"
        elif own not in ("__init__", "__main__"):
            assert rank[own] < rank[group], f"{path} imports {group}, which is not below it"


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


SQL = re.compile(r"\b(SELECT\b.*\bFROM|INSERT INTO|DELETE FROM|UPDATE \w+ SET|COPY \()", re.DOTALL)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sql_stands_in_the_store_alone(path: Path) -> None:
    if group_of(path) != "store":
        texts = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        assert not [text for text in texts if isinstance(text, str) and SQL.search(text)]
