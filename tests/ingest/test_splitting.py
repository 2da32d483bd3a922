"""Bodies of many rows: what is split, and that what is refused takes little memory."""

import json
import tracemalloc

import pytest

from clicktrail.errors import InvalidBody, MalformedRequest
from clicktrail.ingest.hits import MAX_BATCH, MAX_ROW_BYTES, split_batch

ROW = b'{"ip": "::1", "uri": "https://x.example/?a=1,2,3"}'
MANY = 1_500_000


@pytest.mark.parametrize("row", [ROW, json.dumps({"uri": "," * 200}).encode(), b"1", b'"a, [b"', b"[1, [2]]", b"{}"])
@pytest.mark.parametrize("number", [1, 2, MAX_BATCH])
def test_rows_are_what_was_joined(row: bytes, number: int) -> None:
    assert split_batch(b" [" + b" , ".join([row] * number) + b"]\n", is_lines=False) == [row] * number
    assert split_batch(b"\r\n \t\n" + b"\n\r".join([row] * number) + b"\n", is_lines=True) == [row] * number


REFUSED = {
    "an array": (b"[" + b"1," * MANY + b"1]", False),
    "objects": (b"[" + b"{}," * MANY + b"{}]", False),
    "no end": (b"[" + b"{}," * MANY, False),
    "no array": (b'{"a": [' + b"{}," * MANY + b"{}]}", False),
    "one row": (b'[{"a": [' + b"{}," * MANY + b"{}]}]", False),
    "lines": (b"11\n" * MANY, True),
    "carriage returns": (b"11\r" * MANY, True),
    "empty lines": (b" \n" * MANY, True),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_body_that_is_refused_takes_little_memory(name: str) -> None:
    body, is_lines = REFUSED[name]
    split_batch(b"[" + b"1, " * 9_999 + b'"' + b"," * 700_000 + b'"]', is_lines=False)  # all is made that is kept
    tracemalloc.start()
    try:
        with pytest.raises((InvalidBody, MalformedRequest)):
            split_batch(body, is_lines)
        assert tracemalloc.get_traced_memory()[1] < 3 * len(body)
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("is_lines", [False, True])
def test_a_batch_has_at_most_so_many_rows_of_some_size(is_lines: bool) -> None:
    def join(*rows: bytes) -> bytes:
        return b"\n".join(rows) if is_lines else b"[" + b",".join(rows) + b"]"

    for rows, detail in (((ROW,) * (MAX_BATCH + 1), "has more"), ((), "has 0")):
        with pytest.raises(InvalidBody) as refused:
            split_batch(join(*rows), is_lines)
        assert detail in refused.value.mistakes[0].detail
    with pytest.raises(InvalidBody) as refused:
        split_batch(join(ROW, b'"' + b"x" * MAX_ROW_BYTES + b'"'), is_lines)
    assert refused.value.mistakes[0].pointer == "/1"
