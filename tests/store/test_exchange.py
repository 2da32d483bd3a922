"""Files as other people write them: delimiters, quotes, encodings, JSON of any size, logs, times."""

import csv
import gzip
import io
import json
import tempfile
import tracemalloc
from collections import Counter
from contextlib import closing
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clicktrail.model.cells import neutralise
from clicktrail.model.ids import created_s
from clicktrail.model.times import parse_time
from clicktrail.query.imports import match_names, recognise
from clicktrail.store.exchange.moments import Moments, find_zone
from clicktrail.store.exchange.rows import Body, Refused, left_out, read_bodies
from clicktrail.store.exchange.sources import Options, Source
from clicktrail.store.exchange.text import MAX_LINE

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
IP_URI = {"ip": "8.8.8.8", "uri": "https://x.example/"}


def read(path: Path, **options: Any) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    """The rows that can be imported, and number and reason of the others."""
    chosen = Options(**{"is_now": True, **options})
    source = Source(path, chosen)
    rows = list(read_bodies(source, chosen))
    source.close()
    bodies = [json.loads(row.content) for row in rows if isinstance(row, Body)]
    return bodies, [(row.number, row.reason) for row in rows if isinstance(row, Refused)]


def write(folder: Path, content: str | bytes, name: str = "c.csv") -> Path:
    data = content.encode() if isinstance(content, str) else content
    path = folder / name
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


class TestTables:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("name", ["c.csv", "c.tsv", "c.csv.gz"])
    def test_the_delimiter_is_read_from_the_header(self, tmp_path: Path, delimiter: str, name: str) -> None:
        lines = [["ip", "uri", "userAgent"], ["8.8.8.8", "https://x.example/?a=1,2;3|4", "a"]]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(lines)
        rows, refused = read(write(tmp_path, text.getvalue(), name))
        assert [(row["uri"], row["userAgent"]) for row in rows] == [("https://x.example/?a=1,2;3|4", "a")]
        assert refused == []

    def test_a_broken_row_costs_no_other_one(self, tmp_path: Path) -> None:
        content = (
            "ip,uri,userAgent\n"
            "8.8.8.1,https://x.example/,a\n"
            "8.8.8.2,https://x.example/\n"
            '8.8.8.3,https://x.example/,"never closed\n'
            "\n"
            '8.8.8.4,https://x.example/,"two\nlines"\n'
            "8.8.8.5,https://x.example/,a,b\n"
            '8.8.8.6,https://x.example/,5" wide\n'
            "8.8.8.7,https://x.example/,a,\n"
            f"{'x' * (MAX_LINE + 5)}\n"
            "8.8.8.8,https://x.example/,last"
        )
        rows, refused = read(write(tmp_path, content))
        assert [(row["ip"][-1], row["userAgent"]) for row in rows] == [
            ("1", "a"),
            ("4", "two\nlines"),
            ("6", '5" wide'),
            ("7", "a"),
            ("8", "last"),
        ]
        assert [number for number, _ in refused] == [3, 4, 8, 11]
        assert refused[0][1] == "has 2 cells, and the header has 3"
        assert refused[1][1] == "a quote is opened and never closed"
        assert "longer than" in refused[3][1]

    def test_rows_of_several_lines_are_whole_wherever_the_file_is_cut_into_pieces(self, tmp_path: Path) -> None:
        """Pieces of 128 KiB end within lines, between the lines of a row, and between rows."""
        count = 12_000
        rows = [f'8.8.8.8,https://x.example/?n={n},"{"a" * (n % 37)}\nb"' for n in range(count)]
        path = tmp_path / "c.csv"
        path.write_text("ip,uri,userAgent\n" + "\n".join(rows) + "\n")
        options = Options(is_now=True)
        with closing(Source(path, options)) as source:
            bodies = list(read_bodies(source, options))
        assert [each.number for each in bodies] == [2 + 2 * n for n in range(count)]
        agents = [json.loads(each.content)["userAgent"] for each in bodies if isinstance(each, Body)]
        assert agents == ["a" * (n % 37) + "\nb" for n in range(count)]

    def test_a_quote_that_is_never_closed_takes_nothing_along(self, tmp_path: Path) -> None:
        lines = ["ip,uri", '8.8.8.8,"https://x.example/', *["8.8.4.4,https://x.example/"] * 5_000]
        rows, refused = read(write(tmp_path, "\n".join(lines)))
        assert (len(rows), refused) == (5_000, [(2, "a quote is opened and never closed")])

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    @pytest.mark.parametrize("mark", ["", "\ufeff"])
    def test_line_ends_and_byte_order_marks(self, tmp_path: Path, end: str, mark: str) -> None:
        content = mark + end.join(["ip, uri", "8.8.8.8, https://x.example/ä", ""])
        rows, refused = read(write(tmp_path, content))
        assert ([row["uri"] for row in rows], refused) == (["https://x.example/ä"], [])

    def test_cells_made_harmless_for_spreadsheets_are_restored(self, tmp_path: Path) -> None:
        rows, _ = read(write(tmp_path, "ip,uri,userAgent,referrer\n8.8.8.8,https://x.example/,'=1+1,it's\n"))
        assert (rows[0]["userAgent"], rows[0]["referrer"]) == ("=1+1", "it's")

    @settings(max_examples=30)
    @given(st.lists(st.tuples(TEXTS, TEXTS), max_size=5))
    def test_whatever_a_csv_writer_wrote_is_read(self, pairs: list[tuple[str, str]]) -> None:
        text = io.StringIO()
        rows = [("ip", "uri", "userAgent", "referrer"), *(("8.8.8.8", "u", *map(neutralise, pair)) for pair in pairs)]
        csv.writer(text).writerows(rows)
        with tempfile.TemporaryDirectory() as folder:
            found, refused = read(write(Path(folder), text.getvalue()))
        assert refused == []
        assert [(row.get("userAgent", ""), row.get("referrer", "")) for row in found] == pairs


class TestJson:
    @pytest.mark.parametrize("indent", [None, 2])
    @pytest.mark.parametrize("name", ["c.json", "c.json.gz"])
    def test_pages_one_after_the_other_are_one_list(self, tmp_path: Path, indent: int | None, name: str) -> None:
        page = [IP_URI | {"userAgent": 'a]},[{\\"ä'}] * 700
        content = "\n".join([json.dumps(page, indent=indent, ensure_ascii=False)] * 3 + ["[]"])
        rows, refused = read(write(tmp_path, content, name))
        assert ([row["userAgent"] for row in rows], refused) == (['a]},[{\\"ä'] * 2_100, [])

    def test_one_object_and_objects_one_after_the_other(self, tmp_path: Path) -> None:
        rows, _ = read(write(tmp_path, json.dumps(IP_URI, indent=1) + json.dumps(IP_URI), "c.json"))
        assert len(rows) == 2

    def test_what_cannot_be_read_is_named_and_what_came_before_goes_in(self, tmp_path: Path) -> None:
        rows, refused = read(write(tmp_path, json.dumps([IP_URI, 7, IP_URI])[:-1] + ", {oops}, {}]", "c.json"))
        assert len(rows) == 2
        assert [(number, reason.partition(";")[0]) for number, reason in refused] == [
            (2, "must be an object of column and value"),
            (4, "is not JSON"),
        ]
        _, refused = read(write(tmp_path, json.dumps([IP_URI])[:-1], "c.json"))
        assert refused == [(2, "the file ends inside an array")]

    def test_lines_that_are_no_json_are_named(self, tmp_path: Path) -> None:
        lines = [json.dumps(IP_URI), "no", "", "[" * 100_000, json.dumps(IP_URI)]
        rows, refused = read(write(tmp_path, "\n".join(lines), "c.ndjson.gz"))
        assert (len(rows), [number for number, _ in refused]) == (2, [2, 4])

    @pytest.mark.parametrize(
        ("name", "kind"), [("c.json.gz", b'"%s'), ("c.ndjson.gz", b"%s"), ("c.csv.gz", b"ip,uri\n%s")]
    )
    def test_a_bomb_of_a_value_takes_no_memory(self, tmp_path: Path, name: str, kind: bytes) -> None:
        path = tmp_path / name
        with gzip.open(path, "wb", compresslevel=1) as file:
            if name == "c.json.gz":
                file.write(b"[" + json.dumps(IP_URI).encode() + b",")
            file.write(kind % b"")
            for _ in range(64):
                file.write(b"0" * 1024 * 1024)
        tracemalloc.start()
        _, refused = read(path, kind="click", encoding="utf-8")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert "longer than" in refused[-1][1]
        assert peak < 24 * 1024 * 1024

    def test_an_array_of_any_length_takes_no_memory(self, tmp_path: Path) -> None:
        path = tmp_path / "c.json"
        with path.open("w") as file:
            row = json.dumps(IP_URI | {"userAgent": "a" * 2_000})
            file.write("[" + row)
            for _ in range(60):
                file.write(("," + row) * 100)
            file.write("]")
        options = Options(is_now=True)
        tracemalloc.start()
        source = Source(path, options)
        assert sum(1 for _ in read_bodies(source, options)) == 6_001
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        source.close()
        assert peak < 4 * 1024 * 1024 < path.stat().st_size / 2

    def test_a_damaged_file_gives_what_comes_before(self, tmp_path: Path) -> None:
        lines = "\n".join(json.dumps(IP_URI | {"userAgent": f"{n * n}"}) for n in range(20_000))
        path = write(tmp_path, lines, "c.ndjson.gz")
        path.write_bytes(path.read_bytes()[:-2_000])
        rows, refused = read(path)
        assert len(rows) > 1_000
        assert "damaged" in refused[-1][1]


class TestEncodings:
    def test_a_row_that_is_not_utf8_is_named_and_goes_in_with_its_encoding(self, tmp_path: Path) -> None:
        path = write(tmp_path, "ip,uri,userAgent\n8.8.8.8,u,a\n8.8.8.8,u,ä\n8.8.8.8,u,b\n".encode("latin-1"))
        rows, refused = read(path)
        assert ([row["userAgent"] for row in rows], refused) == (
            ["a", "b"],
            [(3, "is not UTF-8; pass the file's --encoding, for example latin-1")],
        )
        assert [row["userAgent"] for row in read(path, encoding="latin-1")[0]] == ["a", "ä", "b"]

    @pytest.mark.parametrize("name", ["c.csv", "c.json", "c.ndjson"])
    def test_utf16_is_named(self, tmp_path: Path, name: str) -> None:
        content = "ip,uri\n8.8.8.8,ä" if name == "c.csv" else json.dumps(IP_URI)
        path = write(tmp_path, content.encode("utf-16"), name)
        with pytest.raises(ValueError, match="is UTF-16; pass --encoding utf-16"):
            read(path)
        assert len(read(path, encoding="utf-16")[0]) == 1

    def test_an_encoding_that_is_none_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="there is no encoding 'klingon'"):
            read(write(tmp_path, "ip,uri\n"), encoding="klingon")


LOG = (
    '203.0.113.7 - - [10/Oct/2023:13:55:36 +0200] "GET /shop?referral=a%20b HTTP/1.1" 200 2326 '
    '"https://news.example/" "Mozilla/5.0 \\"x\\" \\xc3\\xa4"'
)


class TestLogs:
    def test_pages_are_clicks_and_the_rest_is_counted(self, tmp_path: Path) -> None:
        lines = [
            LOG,
            LOG.replace('"https', '"-" "-" "').replace("/shop?referral=a%20b", "/"),
            '203.0.113.8 - bob smith [10/Oct/2023:13:55:36 -0700] "GET /a HTTP/1.0" 304 -',
            LOG.replace("GET", "POST"),
            LOG.replace("GET", "HEAD"),
            LOG.replace(" 200 ", " 404 "),
            LOG.replace("/shop?", "/style.CSS?"),
            LOG.replace("GET /shop?referral=a%20b HTTP/1.1", "\\x16\\x03"),
            "nonsense",
        ]
        path = write(tmp_path, "\n".join(lines), "access.log.1.gz")
        options = Options(base_url="https://shop.example")
        source = Source(path, options)
        rows = list(read_bodies(source, options))
        clicks = [json.loads(row.content) for row in rows if isinstance(row, Body)]
        assert clicks[0] | {"clickId": ""} == {
            "clickId": "",
            "ip": "203.0.113.7",
            "time": "2023-10-10T11:55:36+00:00",
            "uri": "https://shop.example/shop?referral=a%20b",
            "referrer": "https://news.example/",
            "userAgent": 'Mozilla/5.0 "x" ä',
        }
        assert (clicks[2]["ip"], clicks[2]["time"]) == ("203.0.113.8", "2023-10-10T20:55:36+00:00")
        assert "userAgent" not in clicks[2]
        assert [row.number for row in rows if isinstance(row, Refused)] == [9]
        wanted = {"not GET": 3, "not answered with 2xx or 3xx": 1, "not a page but a file": 1}
        assert source.skipped == Counter(wanted)
        source.close()

    def test_a_line_is_the_same_click_wherever_it_stands(self, tmp_path: Path) -> None:
        old = read(write(tmp_path, f"{LOG}\n{LOG}\n", "access.log"), base_url="https://a.example")[0]
        moved = [LOG.replace("13:55", "12:00"), LOG, LOG, LOG]
        new = read(write(tmp_path, "\n".join(moved), "access.log.2.gz"), base_url="https://a.example")[0]
        assert len({row["clickId"] for row in old}) == 2
        assert {row["clickId"] for row in old} < {row["clickId"] for row in new}
        assert len({row["clickId"] for row in new}) == 4

    def test_a_log_needs_a_host(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="--base-url"):
            read(write(tmp_path, LOG, "access.log"))


class TestColumns:
    def test_names_are_matched_without_case_and_by_their_usual_aliases(self) -> None:
        names = [
            "IP Address",
            "URL",
            "TimeStamp",
            "User-Agent",
            "referer",
            "referral_code",
            "CLICK_ID",
            "x",
            "created_at",
        ]
        assert match_names("click", names, {}) == {
            "IP Address": "ip",
            "URL": "uri",
            "TimeStamp": "time",
            "User-Agent": "userAgent",
            "referer": "referrer",
            "referral_code": "code",
            "CLICK_ID": "clickId",
        }
        assert match_names("click", ["a", "uri", "ip"], {"uri": "a"}) == {"a": "uri", "ip": "ip"}

    @pytest.mark.parametrize(
        ("names", "kind"),
        [
            (["url", "remote_addr"], "click"),
            (["clickId", "linkId", "profileId"], "click"),
            (["linkId", "profileId", "bannerId", "code"], "link"),
            (["bannerId", "languageId"], "banner"),
            (["profileId", "firstName"], "profile"),
            (["sizeId", "width"], "size"),
            (["a"], None),
        ],
    )
    def test_rows_are_recognised(self, names: list[str], kind: str | None) -> None:
        assert recognise(names) == kind

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("a,b\n1,2\n", "has no column ip and uri; it has: a, b"),
            ("ip,b\n1,2\n", "has no column uri; it has: ip, b"),
            ("ip,uri,when\n1,2,3\n", "has no column with times; it has: ip, uri, when"),
            ("", "has no header line"),
        ],
    )
    def test_a_file_that_holds_no_clicks_is_refused(self, tmp_path: Path, content: str, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            read(write(tmp_path, content), is_now=False)

    def test_what_is_left_out_is_known(self, tmp_path: Path) -> None:
        source = Source(write(tmp_path, "ip,uri,time,utm,Other\n"), Options())
        assert left_out(source) == ["utm", "Other"]
        source.close()


class TestTimes:
    @pytest.mark.parametrize(
        ("text", "options", "wanted"),
        [
            ("2021-01-01T10:00:00Z", {}, "2021-01-01T10:00:00Z"),
            (" 2021-01-01T10:00:00+00:00", {}, "2021-01-01T10:00:00+00:00"),
            ("2021-01-01 10:00:00.5+02", {}, "2021-01-01T08:00:00.5+00:00"),
            ("1609495200", {}, "2021-01-01T10:00:00+00:00"),
            ("1609495200123", {}, "2021-01-01T10:00:00.123+00:00"),
            ("1609495200.25", {}, "2021-01-01T10:00:00.25+00:00"),
            ("2021-07-01 10:00", {"zone": "Europe/Berlin"}, "2021-07-01T08:00:00+00:00"),
            ("2021-01-01", {"zone": "-05:30"}, "2021-01-01T05:30:00+00:00"),
            ("12/31/2021 11:59 PM", {"zone": "UTC", "dates": "us"}, "2021-12-31T23:59:00+00:00"),
            ("1/2/2021 12:30 AM", {"zone": "UTC", "dates": "us"}, "2021-01-02T00:30:00+00:00"),
            ("31.12.2021, 23:59:58", {"zone": "UTC", "dates": "de"}, "2021-12-31T23:59:58+00:00"),
        ],
    )
    def test_are_read(self, text: str, options: dict[str, str], wanted: str) -> None:
        zone = find_zone(options["zone"]) if "zone" in options else None
        assert Moments(zone, options.get("dates", "")).read(text) == parse_time(wanted)

    @pytest.mark.parametrize(
        ("text", "dates", "words"),
        [
            ("2021-01-01 10:00:00", "", "--zone"),
            ("12/31/2021", "", "--dates us"),
            ("31.12.2021", "", "--dates de"),
            ("31.12.2021", "us", "not an ISO 8601"),
            ("13/31/2021", "us", "not a date"),
            ("12/31/2021", "us", "--zone"),
            ("12/31/2021 13:00 PM", "us", "hour"),
            ("160949520012", "", "not Unix seconds"),
            ("yesterday", "", "ISO 8601"),
        ],
    )
    def test_what_has_no_one_meaning_is_refused(self, text: str, dates: str, words: str) -> None:
        with pytest.raises(ValueError, match=words):
            Moments(None, dates).read(text)

    def test_a_zone_that_is_none_is_named(self) -> None:
        assert find_zone("utc") is UTC
        for name in ("Mars/Base", "../etc/passwd", ""):
            with pytest.raises(ValueError, match="is not a time zone"):
                find_zone(name)

    @pytest.mark.parametrize("time", ["1969-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "", "x"])
    def test_no_odd_time_makes_an_odd_id(self, tmp_path: Path, time: str) -> None:
        path = write(tmp_path, f"ip,uri,time\n8.8.8.8,u,{time}\n")
        rows, _ = read(path)
        again, _ = read(path)
        assert rows == again
        assert [created_s(row["clickId"]) for row in rows] == [int(path.stat().st_mtime)] * len(rows)
