"""What engines read as a parameter of a uri, against a reading in plain Python."""

from random import Random

import pytest

from clicktrail.store.reads.report_sql import parameter_pattern, plain_key
from clicktrail.store.session.sql import sql
from tests.conftest import AnyEngine
from tests.reports.recount import read_parameter

NAMES = ("sub", "s", "sub id", "a+b", "a=b", "a&b", "a#b", "a?b", "a%b", "a.b", "é", "[]", "\\d")
KEYS = (
    *("sub", "SUB", "s%75b", "%53UB", "s", "xsub", "subx", "sub%20id", "sub+id", "sub id", "sub%2Bid", "a+b", "a%2Bb"),
    *(
        "a%2bb",
        "a%3Db",
        "a=b",
        "a%26b",
        "a&b",
        "a%23b",
        "a?b",
        "a%3fb",
        "a%b",
        "a%25b",
        "a.b",
        "axb",
        "é",
        "É",
        "%C3%A9",
    ),
    *("%c3%89", "[]", "%5B%5D", "\\d", "7", ""),
)
VALUES = (
    "",
    "7",
    "a%20b",
    "a+b",
    "%C3%A9",
    "é",
    "%FF",
    "%00",
    "a=b",
    "sub=1?sub=2",
    "x?sub=3",
    "%",
    "100%25",
    "\n",
    "𝄞%F0",
    "%E2%82%AC+%f0%9D%84%9E",
    "%ED%A0%80",
    "%F4%90%80%80",
    "%C0%80",
    "%E0%80%80",
    "%4",
    "%zz%",
    "a%00b%20c",
)
PATHS = (
    "https://h.example/p",
    "https://h.example/a&sub=0",
    "https://h.example/商品/é",
    "",
    "sub=1",
    "https://h/#sub=5",
)


def make_uri(draw: Random) -> str:
    pairs = [f"{draw.choice(KEYS)}={draw.choice(VALUES)}" for _ in range(draw.randrange(5))]
    tail = draw.choice(("", "", "#", "#sub=9&s=8", "&", "#?sub=4", "?sub=6"))
    return draw.choice(PATHS) + draw.choice(("?", "?", "?", "", "??")) + "&".join(pairs) + tail


@pytest.mark.parametrize("name", NAMES)
def test_a_parameter_is_read_as_browsers_write_it(engine: AnyEngine, name: str) -> None:
    draw = Random(name)
    uris = [make_uri(draw) for _ in range(4_000)]
    expected = [read_parameter(uri, name) for uri in uris]
    statement = sql(
        "SELECT uri, uri_parameter(uri, {}::VARCHAR, {}::VARCHAR) FROM (SELECT unnest({}::VARCHAR[]) AS uri) u",
        parameter_pattern(name),
        plain_key(name),
        uris,
    )
    found = engine.run(lambda session: session.rows(statement))
    assert found == list(zip(uris, expected, strict=True))
    assert any(expected), "some uris have the parameter"


@pytest.mark.engines("postgres")
def test_functions_of_parallel_plans_begin_no_subtransaction(engine: AnyEngine) -> None:
    """Before PostgreSQL 18 a parallel plan ends with an error in such a function."""
    found = sql(
        "SELECT proname FROM pg_proc WHERE proparallel = 's' AND prolang IN "
        "(SELECT oid FROM pg_language WHERE lanname = 'plpgsql') AND prosrc ~* '\\mexception\\M'"
    )
    assert engine.run(lambda session: session.rows(found)) == []
