"""Clients that are generated from the OpenAPI document: all of their code is checked, and they make real calls."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from clicktrail.http.openapi.document import build_document
from clicktrail.http.router import operations_by_tag
from tests.serving import Serving

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
NODE_MODULES = BIN.parent / "clients" / "node_modules"
needs_node = pytest.mark.skipif(not NODE_MODULES.exists(), reason="`make node-tools` installs what this needs")
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
"""Tools that run in tests call nobody."""
OVERRIDES = {
    "post_hooks": [],
    "content_type_overrides": dict.fromkeys(("image/svg+xml", "image/gif"), "application/octet-stream"),
}
TSCONFIG = {
    "compilerOptions": {
        "strict": True,
        "module": "NodeNext",
        "target": "ES2022",
        "types": [],
        "lib": ["ES2022", "DOM"],
    },
    "files": ["calls.ts"],
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("generated")


def run(
    folder: Path, *command: str | Path, stderr: int = subprocess.PIPE, variables: Mapping[str, str] | None = None
) -> str:
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        env={**os.environ, **QUIET, **(variables or {})},
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + (done.stderr or ""))[-4000:]
    return done.stdout


@pytest.fixture(scope="session")
def document(folder: Path) -> Path:
    """What every server shows at /openapi.json, whatever its engine."""
    path = folder / "openapi.json"
    path.write_bytes(msgspec.json.encode(build_document(operations_by_tag(), "/")))
    return path


@pytest.fixture(scope="session")
def python_client(document: Path, folder: Path) -> list[str | Path]:
    """Generates, and checks the types of every module; returns the command that makes the calls."""
    (folder / "config.json").write_text(json.dumps(OVERRIDES))
    options = ("--path", document, "--config", "config.json", "--output-path", "clicktrail_api", "--meta", "none")
    generate = (BIN / "openapi-python-client", "generate", "--overwrite", *options)
    told = run(folder, *generate, stderr=subprocess.STDOUT)
    # Lines of JSON are a second way to send many objects, and what the audit log is exported as; the generator knows
    # JSON alone and says so.
    assert told.count("Unsupported content type application/x-ndjson") == 2, told
    assert told.count("Unsupported content_type application/x-ndjson") == 1, told
    assert told.count("WARNING") == 3, told
    shutil.copy(HERE / "calls" / "calls.py", folder)
    run(folder, BIN / "mypy", "--strict", "clicktrail_api", "calls.py")
    return [sys.executable, "calls.py"]


@pytest.fixture(scope="session")
def typescript_client(document: Path, folder: Path) -> list[str | Path]:
    """Generates, and checks the types of all of it; returns the command that makes the calls."""
    tools = NODE_MODULES / ".bin"
    if not (folder / "node_modules").exists():
        (folder / "node_modules").symlink_to(NODE_MODULES)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
    shutil.copy(HERE / "calls" / "calls.ts", folder)
    run(folder, tools / "openapi-typescript", document, "-o", "api.d.ts")
    run(folder, tools / "tsc", "-p", ".")
    return ["node", "calls.js"]


@pytest.fixture(scope="module")
def secret(api: httpx.Client) -> dict[str, str]:
    made = api.post("/clients", json={"scope": "admin"}).json()
    return {"CLIENT": made["clientId"], "SECRET": made["clientSecret"]}


def expect_calls(told: str, mark: str) -> None:
    assert json.loads(told) == {
        "scope": "admin",
        "found": ["1"],
        "codes": [mark],
        "total": "3",
        "pages": ["2", "1", "0"],
        "names": ["Mary"],
        "lines": 4,
        "pointers": ["/ip"],
        "status": 422,
        "has_id": True,
    }


@pytest.mark.slow
def test_a_python_client(
    server: Serving, python_client: list[str], folder: Path, secret: dict[str, str], mark: str
) -> None:
    everything = "import pkgutil, clicktrail_api as it; [__import__(each.name) for each in pkgutil.walk_packages("
    run(folder, sys.executable, "-W", "error", "-c", everything + "it.__path__, 'clicktrail_api.')]")
    expect_calls(run(folder, *python_client, variables=secret | {"URL": server.url, "MARK": mark}), mark)


@needs_node
@pytest.mark.slow
def test_a_typescript_client(
    server: Serving, typescript_client: list[str], folder: Path, secret: dict[str, str], mark: str
) -> None:
    expect_calls(run(folder, *typescript_client, variables=secret | {"URL": server.url, "MARK": mark}), mark)


@needs_node
@pytest.mark.slow
def test_spectral_and_redocly_find_no_error(document: Path, folder: Path) -> None:
    (folder / ".spectral.yaml").write_text('extends: ["spectral:oas"]\n')
    tools = NODE_MODULES / ".bin"
    told = run(folder, tools / "spectral", "lint", document, "--format", "json", "--fail-severity", "hint", "--quiet")
    assert json.loads(told or "[]") == []
    found = json.loads(run(folder, tools / "redocly", "lint", document, "--format", "json"))["problems"]
    # A link that is followed answers with a redirect and nothing else; redocly would have a 2xx.
    assert {(each["ruleId"], each["severity"]) for each in found} <= {("operation-2xx-response", "warn")}


def arrays_and_branches(part: Any) -> list[dict[str, Any]]:
    inner = part.values() if isinstance(part, dict) else part if isinstance(part, list) else []
    own = [part] if isinstance(part, dict) and ("type" in part or "oneOf" in part) else []
    return own + [found for each in inner for found in arrays_and_branches(each)]


def test_the_document_says_everything(document: Path) -> None:
    told = json.loads(document.read_text())
    schemas = told["components"]["schemas"]
    assert all(schema["description"] for schema in schemas.values())
    for schema in arrays_and_branches(schemas):
        assert schema.get("type") != "array" or "items" in schema, schema
        branches = schema.get("oneOf", []) if isinstance(schema.get("oneOf"), list) else []
        assert all("$ref" in branch or branch == {"type": "null"} for branch in branches), schema
    declared = {tag["name"] for tag in told["tags"] if tag["description"]}
    for path, methods in told["paths"].items():
        for method, operation in methods.items():
            assert operation["description"], (path, method)
            assert set(operation["tags"]) <= declared
            assert all(parameter["description"] for parameter in operation["parameters"])
            contents = [answer.get("content", {}) for code, answer in operation["responses"].items() if code < "300"]
            for kind, content in (item for each in contents for item in each.items()):
                assert "*" not in kind, (path, method)
                assert "example" in content or content["schema"].get("format") == "binary", (path, method)
    assert set(told["paths"]["/clicks/export"]["get"]["responses"]["200"]["content"]) == {
        "text/csv; charset=utf-8",
        "application/x-ndjson",
        "application/vnd.apache.parquet",
    }
    names = {parameter["name"] for parameter in told["paths"]["/clicks"]["get"]["parameters"]}
    assert names >= {"cursor", "Prefer", "Accept-Language", "filters", "filter[uri]"}


def sample_of(name: str, schema: dict[str, Any]) -> str:
    if schema.get("type") == "boolean" or "true|false" in schema.get("pattern", ""):
        return "true"
    if "filter[ip]" in name:
        return "8.8.0.0/16" if name.endswith("[in]") else "8.8.8.8"
    if "$ref" in schema or "[0-9]{3}(," in schema.get("pattern", ""):
        return "840"
    if "[0-9a-f]{24}" in schema.get("pattern", ""):
        return "6006dda272f002519c3eb505"
    if "T[^,]" in schema.get("pattern", ""):
        return "2021-01-01T00:00:00Z,2022-01-01T00:00:00Z"
    return "2021-01-01T00:00:00Z" if schema.get("format") == "date-time" else "1"


def test_every_filter_of_the_document_is_taken(api: httpx.Client, document: Path) -> None:
    told = json.loads(document.read_text())
    schemas, count = told["components"]["schemas"], 0
    for path, methods in told["paths"].items():
        named = [each for each in methods.get("get", {}).get("parameters", []) if each["name"] == "filters"]
        if not named or "{" in path or path.endswith("/export"):
            continue
        by_field: dict[str, dict[str, str]] = {}
        for name, schema in schemas[named[0]["schema"]["$ref"].rpartition("/")[2]]["properties"].items():
            by_field.setdefault(name.partition("]")[0], {})[name] = sample_of(name, schema)
        for filters in by_field.values():
            answer = api.get(path, params={"limit": "1", **filters})
            assert answer.status_code == 200, (filters, answer.text)
            count += len(filters)
    assert count > 500
