"""Engines find a parameter of a uri exactly where `read_parameters` does, however name and uri are spelled."""

from random import Random

import pytest

from clicktrail.model.uris import fold_name, read_parameters
from clicktrail.store.reads.report_sql import parameter_pattern, plain_key
from clicktrail.store.session.protocol import Row
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine

LETTERS = (
    "sSubBkK\u212a\u017fiI\u0130\u0131\u03a3\u03c2\u03c3eé\u00c9ßẞ日🦆aAfF017%%%+ &=#?/.*()[]{}\\^$|-_~\n\t\"';:,!@"
)
"""Letters that case makes equal in some programs and not in others, digits that may follow a `%`, and signs that mean
something in a uri or in a pattern."""
NAMES = (
    *(
        "sub",
        "a+b",
        "a=b",
        "x y",
        "a&b",
        "a#b",
        "a?b",
        "%",
        "%%",
        "%4",
        "%41",
        "%%41",
        "a%",
        "%4g",
        "100%ab1",
        "é",
        "%é",
    ),
    *(
        "K",
        "\u212a",
        "\u017fub",
        "\u0130",
        "i\u0307",
        "\u03c3\u03c2",
        "\u03a3",
        "ß",
        "[a-z]",
        "(?i)s",
        "\\d",
        ".*",
        "{2}",
    ),
)


def spell(draw: Random, name: str) -> str:
    """The name as some program may write it, or something very like it."""
    letters = []
    for letter in name:
        changed = draw.choice([letter, letter, letter.swapcase(), letter.upper(), letter.lower()])
        encoded = "".join(draw.choice([f"%{byte:02x}", f"%{byte:02X}"]) for byte in changed.encode())
        letters.append(draw.choice([changed, changed, encoded, "+" if letter == " " else changed]))
    if draw.random() < 0.1:
        letters.insert(draw.randrange(len(letters) + 1), draw.choice(["%00", "%", "x", "%c3", "+"]))
    return "".join(letters)


def make_uri(draw: Random, name: str) -> str:
    pairs = [
        spell(draw, draw.choice([name, name, draw.choice(NAMES)])) + draw.choice([f"={number}", f"={number}", "=", ""])
        for number in range(draw.randrange(1, 4))
    ]
    return (
        f"https://x.example/{draw.choice(['', 'sub=9', '&sub=8'])}?{'&'.join(pairs)}{draw.choice(['', '#?sub=7', '&'])}"
    )


def find(engine: AnyEngine, name: str, uris: list[str]) -> list[Row]:
    """Each uri with the value of the parameter."""
    statement = sql(
        "SELECT uri, uri_parameter(uri, {}::VARCHAR, {}::VARCHAR) FROM (SELECT unnest({}::VARCHAR[]) AS uri) u",
        parameter_pattern(name),
        plain_key(name),
        uris,
    )
    return engine.run(lambda session: session.rows(statement))


@pytest.mark.parametrize("seed", range(3))
def test_a_parameter_is_found_where_it_is_read(engine: AnyEngine, seed: int) -> None:
    draw = Random(seed)
    names = [*NAMES, *("".join(draw.choices(LETTERS, k=draw.randrange(1, 6))) for _ in range(60))]
    present = 0
    for name in names:
        uris = [make_uri(draw, name) for _ in range(150)]
        expected = [read_parameters(uri).get(fold_name(name)) for uri in uris]
        present += sum(value is not None for value in expected)
        found = find(engine, name, uris)
        wrong = [(name, *row, value) for row, value in zip(found, expected, strict=True) if row[1] != value]
        assert not wrong, wrong[:3]
    assert present > len(names) * 20, "the names occur in the uris"
