"""The server's own OpenAPI document against the server: every check of schemathesis, over HTTP."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from clicktrail.query.kinds import FLAGS
from clicktrail.query.texts import NO_NUL
from tests.serving import Serving, serving

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
CONFIG = f"""
hooks = "{HOOKS}"

[checks]
# A body can be in order by its schema and still name an object that is not there, or a time in the future.
positive_data_acceptance.expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "410", "422"]
# A path that is no id is answered as any object that is not there.
negative_data_rejection.expected-statuses = ["400", "401", "403", "404", "406", "415", "422"]
"""


@pytest.fixture
def fuzzed(tmp_path: Path) -> Iterator[Serving]:
    with serving(tmp_path / "data", lockout_failures="1000000", send_postbacks="false") as running:
        yield running


UNFIT = ("cursor", "filters", "Prefer", "as_of", "columns")
"""Parameters that are not to be guessed: a good cursor comes from the server alone, tests/clients sends every one of
the hundreds of filters with operators, a preference to be lenient turns refusals into answers, only moments since
the store was made are known, and any text is a column to the document (tests/api/test_export.py has the columns)."""

OF_REPORTS = ("group_by", "metrics", "zone", "from", "to", "compare", "compare_from", "compare_to")
DEPENDENT = (*OF_REPORTS, "align", "sort_by", "other")
"""Parameters of reports that depend on each other, which a list of parameters cannot say: tests/reports has them."""

SAME_FILTERS = ("exportClicks", "exportReport")
"""Exports: their filters are those of the list and of the report, which are guessed there."""

OTHER_KEYS = ("contact", "visitorId", "clickId", "profileId", "format")
"""A person is found by one key alone, which a list of parameters cannot say either; and not any text is a contact.
The document describes the JSON; tests/api/test_persons.py has the CSV."""


def fuzzable(document: dict[str, Any]) -> dict[str, Any]:
    """The document without these; bodies are JSON or forms, and as lenient as they are taken."""
    del document["paths"]["/live"]  # its answers have no end; tests/api/test_live.py has them
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["parameters"] = [each for each in operation["parameters"] if each["name"] not in UNFIT]
        if operation["operationId"] in ("getReport", "exportReport"):
            operation["parameters"] = [each for each in operation["parameters"] if each["name"] not in DEPENDENT]
        if operation["operationId"] in SAME_FILTERS:
            kept = [each for each in operation["parameters"] if not each["name"].startswith("filter[")]
            operation["parameters"] = kept
        if operation["operationId"] == "exportPerson":
            kept = [each for each in operation["parameters"] if each["name"] not in OTHER_KEYS]
            operation["parameters"] = [each | {"required": each["name"] == "uuid"} for each in kept]
        operation.get("requestBody", {"content": {}})["content"].pop("application/x-ndjson", None)
    for name, schema in document["components"]["schemas"].items():
        if schema.get("additionalProperties") is False and not name.endswith("Filter"):
            schema["properties"] = {key: loosen(key, part) for key, part in schema["properties"].items()}
    wrapped = document["components"]["schemas"]["ClickUpdateWrapped"]["properties"]
    wrapped["profile"] = {"anyOf": [wrapped["profile"], NOTHING]}
    document["components"]["schemas"]["ImportObject"] = {}  # each is answered by itself, whatever it is
    return document


NOTHING = {"enum": [None, ""]}


def loosen(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A field of a body with all that is taken: the document says what to send, and the server takes more."""
    kind = schema.get("type", "")
    if "boolean" in kind:
        flags = [True, False, 1, 0, *FLAGS, "", None]
        return {"type": ["boolean", "integer", "string", "null"], "enum": flags}
    if name == "contacts":
        empty = {"type": "object", "required": ["value"], "properties": {"value": NOTHING}}
        item = {"anyOf": [schema["items"], empty]}
        return {"anyOf": [{**schema, "items": item}, item, {"type": "object", "maxProperties": 0}, NOTHING]}
    if name == "tags":
        return {"anyOf": [schema, NOTHING]}
    if "oneOf" in schema:
        return {"anyOf": [*schema["oneOf"], NOTHING]}
    found = dict(schema)
    if name == "uuid":
        found["type"] = ["string", "number", *(["null"] if "null" in kind else [])]
    if schema.get("format") == "date-time":
        found["type"] = ["string", "number", *(["null"] if "null" in kind else [])]
    if "null" in kind and "string" in kind:
        if "enum" in schema:
            found["enum"] = [*schema["enum"], ""]
        if schema.get("pattern", NO_NUL) != NO_NUL:
            found["pattern"] = f"^$|{schema['pattern']}"
        formats = found.pop("anyOf", [{"format": found.pop("format")}] if "format" in found else [])
        found |= {"anyOf": [*formats, {"maxLength": 0}]} if formats else {}
    return found


@pytest.mark.slow
def test_the_server_keeps_its_own_schema(fuzzed: Serving, tmp_path: Path) -> None:
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    document = fuzzable(httpx.get(f"{fuzzed.url}/openapi.json").json())
    (tmp_path / "openapi.json").write_text(json.dumps(document))
    done = subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "--config-file",
            str(tmp_path / "schemathesis.toml"),
            "run",
            str(tmp_path / "openapi.json"),
            f"--url={fuzzed.url}",
            "--header",
            f"Authorization: Bearer {fuzzed.token()}",
            "--checks=all",
            "--max-examples=8",
            "--generation-deterministic",
            "--workers=1",  # ast.parse of Python 3.11, which hypothesis uses, fails now and then in two threads
            "--no-color",
        ],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
