"""The journal gives back every frame that it took, in order, and never another; damage is told and not read over."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicktrail.errors import StoreInUse
from clicktrail.store.engines.duckdb.journal import segments
from clicktrail.store.engines.duckdb.journal.frames import (
    HEADER_BYTES,
    Header,
    decode_header,
    decode_rows,
    encode_frame,
    encode_header,
    encode_rows,
    find_later,
    read_frames,
)
from clicktrail.store.engines.duckdb.journal.journal import Journal, Position
from clicktrail.store.engines.duckdb.journal.segments import Segment, paths_of
from clicktrail.store.session.protocol import Rows

STORE_ID = bytes(range(16))
START = Position(0, 0)
SMALL = 4096


@pytest.fixture(autouse=True)
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "SEGMENT_BYTES", SMALL)
    monkeypatch.setattr("clicktrail.store.engines.duckdb.journal.journal.SEGMENT_BYTES", SMALL)


def read_rest(store: Path, position: Position) -> list[bytes]:
    journal = Journal(store, STORE_ID, position)
    journal.close()
    return [frame.payload for frame, _ in journal.rest]


values = st.none() | st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans()


@given(rows=st.lists(st.lists(values, min_size=2, max_size=2), max_size=5), name=st.text())
def test_rows_come_back_as_they_were(rows: list[list[object]], name: str) -> None:
    tables = [Rows(name, ("a", "b"), rows), Rows("other", ("c",), [])]
    found = decode_rows(encode_rows(tables))
    assert [(each.table, tuple(each.columns), each.rows) for each in found] == [
        (each.table, tuple(each.columns), each.rows) for each in tables
    ]


@given(payloads=st.lists(st.binary(max_size=50)), behind=st.binary(max_size=100))
def test_frames_end_where_none_follows(payloads: list[bytes], behind: bytes) -> None:
    content = bytes(HEADER_BYTES)
    for payload in payloads:
        content += encode_frame(7, len(content), payload)
    end = len(content)
    content += encode_frame(6, end, b"of an earlier use") + behind
    assert [frame.payload for frame in read_frames(memoryview(content), 7, HEADER_BYTES)] == payloads
    assert find_later(content, 7, end) is None


@given(st.data())
def test_a_changed_byte_is_no_frame(data: st.DataObject) -> None:
    content = bytearray(encode_frame(1, 0, data.draw(st.binary(min_size=1, max_size=50))))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assert not list(read_frames(memoryview(bytes(content)), 1, 0))


def test_a_header_is_whole_or_none() -> None:
    header = Header(STORE_ID, 5, 77)
    content = encode_header(header)
    assert decode_header(content) == header
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 1
        found = decode_header(bytes(changed))
        assert found is None or (found == header and place >= 52)
        assert decode_header(content[:place]) in (None, header)


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000))
def test_what_was_appended_is_the_rest_after_any_position(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Over many segments, with frames larger than a segment, restarts, failed writes, and files used again."""
    store, rng = tmp_path_factory.mktemp("journal") / "s", random.Random(seed)
    journal, held, waiting = Journal(store, STORE_ID, START), START, list[tuple[bytes, Position]]()
    for _ in range(60):
        action = rng.random()
        if action < 0.7:
            payload = rng.randbytes(rng.choice((0, 10, 300, 3000, 9000)))
            waiting.append((payload, journal.append(payload)))
        elif action < 0.8 and waiting:  # the store takes some in
            taken = rng.randint(1, len(waiting))
            held = waiting[taken - 1][1]
            del waiting[:taken]
            journal.release(held)
        elif action < 0.9:  # the process ends
            journal.close()
            journal = Journal(store, STORE_ID, held)
            assert [frame.payload for frame, _ in journal.rest] == [payload for payload, _ in waiting]
        else:
            fail_once(journal, rng)
    journal.close()
    assert read_rest(store, held) == [payload for payload, _ in waiting]
    assert len(paths_of(store)) <= 60


def fail_once(journal: Journal, rng: random.Random) -> None:
    """A write that fails, in any way: nothing, a part, or all of it reached the file."""
    payload, share, original = rng.randbytes(200), rng.random(), Segment.write

    def write(segment: Segment, content: bytes, place: int) -> None:
        Segment.write = original  # type: ignore[method-assign]
        os.pwrite(segment.file, content[: int(len(content) * share * 1.2)], place)
        raise OSError(5, "Input/output error")

    Segment.write = write  # type: ignore[method-assign]
    with pytest.raises(OSError, match="Input/output"):
        journal.append(payload)


def filled(store: Path, payloads: list[bytes]) -> list[Position]:
    journal = Journal(store, STORE_ID, START)
    ends = [journal.append(payload) for payload in payloads]
    journal.close()
    return ends


def change(path: Path, place: int, content: bytes) -> None:
    with path.open("rb+") as file:
        file.seek(place)
        file.write(content)


def test_a_torn_last_frame_is_cut(tmp_path: Path) -> None:
    store = tmp_path / "s"
    ends = filled(store, [b"a" * 100, b"b" * 100])
    [path] = paths_of(store)
    change(path, ends[1].place - 50, bytes(50))
    assert read_rest(store, START) == [b"a" * 100]
    journal = Journal(store, STORE_ID, START)
    journal.append(b"c")
    journal.close()
    assert read_rest(store, START) == [b"a" * 100, b"c"]


def corrupt_the_middle(store: Path) -> None:
    change(paths_of(store)[0], HEADER_BYTES + 20, b"?")


def remove_the_middle(store: Path) -> None:
    paths_of(store)[1].unlink()


@pytest.mark.parametrize(
    ("damage", "said"), [(corrupt_the_middle, "damaged at byte 64"), (remove_the_middle, r"lacks its segments \[2\]")]
)
def test_damage_before_the_end_is_told_with_its_place(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    store = tmp_path / "s"
    filled(store, [bytes([number]) * 2000 for number in range(5)])
    damage(store)
    with pytest.raises(StoreInUse, match=said):
        Journal(store, STORE_ID, START)


def test_a_journal_of_another_store_is_refused(tmp_path: Path) -> None:
    store = tmp_path / "s"
    filled(store, [b"a"])
    with pytest.raises(StoreInUse, match="another store"):
        Journal(store, bytes(16), START)


def test_a_journal_is_open_once(tmp_path: Path) -> None:
    store = tmp_path / "s"
    journal = Journal(store, STORE_ID, START)
    journal.append(b"a")
    with pytest.raises(StoreInUse, match="in use"):
        Journal(store, STORE_ID, START)
    journal.close()


def test_files_that_are_missing_are_told(tmp_path: Path) -> None:
    store = tmp_path / "s"
    [end] = filled(store, [b"a"])
    for path in paths_of(store):
        path.unlink()
    journal = Journal(store, STORE_ID, end)
    assert "missing" in journal.trouble
    journal.append(b"b")
    journal.close()
    assert read_rest(store, end) == [b"b"]


def test_files_are_used_again(tmp_path: Path) -> None:
    store = tmp_path / "s"
    journal = Journal(store, STORE_ID, START)
    for _ in range(50):
        journal.release(journal.append(bytes(1500)))
    journal.close()
    assert 2 <= len(paths_of(store)) <= 3
    assert {path.stat().st_size for path in paths_of(store)} == {SMALL}
