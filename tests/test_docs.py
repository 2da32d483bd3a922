"""The docs say everything there is: settings, commands, filters, sort keys, errors."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from tools.screenshots import MOST_BYTES, PICTURES

from clicktrail.cli import main
from clicktrail.errors import KINDS
from clicktrail.model.inventory import TABLE
from clicktrail.query.fields import CLICK, RESOURCES
from clicktrail.query.reports import reporting
from clicktrail.reports.dimensions import DIMENSIONS
from clicktrail.reports.metrics import METRICS
from clicktrail.settings import SettingsError, load_settings, setting_table
from clicktrail.store.exchange.move import TABLES

ROOT = Path(__file__).parent.parent
DOCS = {path.name: path.read_text() for path in (ROOT / "docs").glob("*.md")}


@pytest.mark.parametrize("row", setting_table(), ids=lambda row: row.name)
def test_every_setting_is_documented(row) -> None:  # type: ignore[no-untyped-def]
    assert f"`{row.variable}`" in DOCS["settings.md"]
    assert row.help in DOCS["settings.md"]


@pytest.mark.parametrize("held", TABLE, ids=lambda held: held.data)
def test_all_that_is_stored_about_people_is_documented(held) -> None:  # type: ignore[no-untyped-def]
    settings = ", ".join(f"`CLICKTRAIL_{name}`" for name in held.settings)
    assert f"| {held.data} | {held.purpose} | {held.kept} | {settings} |" in DOCS["privacy.md"]


def test_all_dropped_parameters_are_documented() -> None:
    for name in load_settings({}, {}).dropped_parameters.split(","):
        assert f"`{name}`" in DOCS["privacy.md"]


def subcommands(group: click.Group) -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        command = group.get_command(ctx, name)
        assert command is not None
        yield name, command


@pytest.mark.parametrize("row", setting_table(), ids=lambda row: row.name)
def test_every_setting_has_a_valid_example_and_explains_zero(row) -> None:  # type: ignore[no-untyped-def]
    assert f"Example: `{str(row.example).lower() if isinstance(row.example, bool) else row.example}`." in row.help
    effective = load_settings({row.name: str(row.example)}, {})
    assert getattr(effective, row.name) == row.example != row.default
    if isinstance(row.default, int) and not isinstance(row.default, bool) and takes_zero(row.name):
        assert re.search(r"\b0 (disables|keeps|marks|closes|refuses)\b", row.help)


def takes_zero(name: str) -> bool:
    try:
        load_settings({name: "0"}, {})
    except SettingsError:
        return False
    return True


def commands(group: click.Group, path: str = "clicktrail") -> list[str]:
    found = []
    for name, command in subcommands(group):
        found += commands(command, f"{path} {name}") if isinstance(command, click.Group) else [f"{path} {name}"]
    return found


@pytest.mark.parametrize("command", commands(main))
def test_every_command_is_documented(command: str) -> None:
    assert f"`{command}" in DOCS["operating.md"]


@pytest.mark.parametrize("name", [*CLICK.filters, *CLICK.sorts, *CLICK.expansions])
def test_every_filter_sort_key_and_expansion_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCS["api.md"]


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_every_resource_is_documented(resource) -> None:  # type: ignore[no-untyped-def]
    assert f"`{resource.path}" in DOCS["api.md"]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
def test_every_error_is_documented(kind) -> None:  # type: ignore[no-untyped-def]
    assert f"| {kind.status} | `{kind.code}` |" in DOCS["api.md"]


@pytest.mark.parametrize("name", [*METRICS, *DIMENSIONS, *(own.name for own in reporting().own)])
def test_every_metric_dimension_and_parameter_of_reports_is_documented(name: str) -> None:
    assert re.search(rf"[`=&?]{re.escape(name)}\b", DOCS["reports.md"])


def test_every_table_of_a_whole_store_is_documented() -> None:
    section = DOCS["operating.md"].partition("### The whole store")[2].partition("\n## ")[0]
    named = section.partition("- The tables are")[2].partition("\n- ")[0]
    assert set(re.findall(r"`([a-z_]+)`", named)) == set(TABLES)


def test_links_between_documents_lead_somewhere() -> None:
    for path in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)[^)]*\)", path.read_text()):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_pictures_are_those_that_the_tool_makes_and_small() -> None:
    """That each picture which a document names exists is a matter of links, above."""
    files = {path.stem: path.stat().st_size for path in (ROOT / "docs" / "images").iterdir()}
    assert set(files) == {name for name, *_ in PICTURES}
    assert {name: size for name, size in files.items() if size > MOST_BYTES} == {}
    assert [name for name in files if f"(images/{name}.png)" not in DOCS["dashboard.md"]] == []


def test_the_menu_and_the_keys_of_the_dashboard_are_documented() -> None:
    app = ROOT / "src" / "clicktrail" / "web" / "app"
    names = re.findall(r"title: texts\.titles\.(\w+), menu: true", (app / "pages.js").read_text())
    words = (app / "texts.js").read_text().partition("  titles: {")[2].partition("  },")[0]
    titles = dict(re.findall(r'^    (\w+): "([^"]+)",$', words, re.MULTILINE))
    headings = [line for line in DOCS["dashboard.md"].splitlines() if line.startswith("### ")]
    assert len(names) > 8
    assert [name for name in names if not any(titles[name].lower() in line.lower() for line in headings)] == []
    keys = re.findall(r"(\w): ", re.findall(r"KEYS = \{(.*)\}", (app / "components" / "periods.js").read_text())[0])
    for page in app.rglob("*.js"):
        keys += re.findall(r"^\s*(?:useKeys\(\{)?\s*\"?(\w|/)\"?: \[(?:texts|words)\.", page.read_text(), re.MULTILINE)
    assert {"d", "f", "p", "/"} <= {*keys}
    assert [key for key in keys if f"`{key.upper()}`" not in DOCS["dashboard.md"]] == []


NAMED = re.compile(
    r"`(?:src/clicktrail/)?((?:cli|delivery|http|ingest|model|observe|query|settings|store)[./][\w./]+|\w+\.py)`"
)


def exists(name: str) -> bool:
    """Whether a module, a folder or `module.name` of a document exists."""
    source = ROOT / "src" / "clicktrail"
    parts = re.split(r"[./]", name.rstrip("/").removesuffix(".py").removesuffix(".csv"))
    path, last = source.joinpath(*parts), source.joinpath(*parts[:-1]).with_suffix(".py")
    if path.is_dir() or path.with_suffix(".py").exists() or path.with_suffix(".csv").exists():
        return True
    return last.exists() and re.search(rf"(def|class) {parts[-1]}\b", last.read_text()) is not None


def test_modules_named_in_the_docs_exist() -> None:
    named = [ROOT / "docs" / name for name in ("glossary.md", "architecture.md")]
    for path in (*named, ROOT / "CONTRIBUTING.md", *(ROOT / "docs" / "adr").glob("*.md")):
        for name in NAMED.findall(path.read_text()):
            assert name == "http.disconnect" or exists(name), f"{path}: {name}"


def test_a_module_that_does_not_exist_is_found() -> None:
    assert not exists("store/nothing.py")
    assert not exists("store.reads.tables.nothing")


def test_records_of_decisions_are_numbered_and_short() -> None:
    records = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [path.name[:4] for path in records] == [f"{number:04d}" for number in range(1, len(records) + 1)]
    assert all(path.read_text().count("\n") <= 60 for path in records)
