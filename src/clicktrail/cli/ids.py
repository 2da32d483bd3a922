"""`clicktrail id`: prints ids in an answer of the API, for shell scripts. It loads no other module of Clicktrail."""

import json
import sys
from typing import Any

import click

_PROBLEM = ("title", "status", "detail")


@click.command("id")
@click.argument("key", default="")
def print_ids(key: str) -> None:
    """Print the id of the JSON object on standard input, or of each object in a list, one per line.

    The id is the first key that ends in Id, such as clickId. KEY names another key, such as profileId or secret. The
    content of a problem document is printed to standard error, and the exit status is then 1.
    """
    for value in find_ids(read_answer(sys.stdin.buffer.read()), key):
        click.echo(_printable(value))


def read_answer(text: bytes) -> Any:
    """The JSON value. Raises ClickException for anything else, and for a problem document."""
    if not text.strip():
        raise click.ClickException("There is nothing on standard input; the request before may have failed.")
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        beginning = text[:60].decode(errors="replace")
        raise click.ClickException(f"There is no JSON on standard input, but: {beginning!r}.") from None
    if isinstance(answer, dict) and all(name in answer for name in _PROBLEM):
        raise click.ClickException(_explain(answer))
    return answer


def find_ids(answer: Any, key: str) -> list[str]:
    """The ids of an object, or of all objects of a list. Raises ClickException if an id is missing."""
    found: list[str] = []
    for each in answer if isinstance(answer, list) else [answer]:
        if not isinstance(each, dict):
            raise click.ClickException(f"There must be an object or a list of objects, not {json.dumps(each)[:60]}.")
        name = key or next((name for name in each if name.endswith("Id")), "")
        if name not in each:
            wanted = f"key {key}" if key else "key that ends in Id"
            raise click.ClickException(f"There is no {wanted}; there are: {', '.join(each)}.")
        value = each[name]
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int) and not isinstance(part, bool) and part != "" for part in values):
            raise click.ClickException(f"{name} holds no text: {json.dumps(value)[:60]}.")
        found += map(str, values)
    return found


def _explain(problem: dict[str, Any]) -> str:
    errors = problem.get("errors")
    mistakes = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    lines = [f"  {each.get('pointer', each.get('parameter', ''))} {each.get('detail', '')}" for each in mistakes]
    return "\n".join(map(_printable, [f"{problem['status']} {problem['title']}: {problem['detail']}", *lines]))


def _printable(text: str) -> str:
    """One line without control characters: an answer must not command the terminal."""
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
