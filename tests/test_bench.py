"""The questions of the benchmark, each asked once of a small store. Otherwise they fail when someone measures."""

from pathlib import Path

import pytest
from bench import data, questions, reports

from tests.serving import serving

CLICKS = 20_000


@pytest.mark.slow
def test_every_question_of_the_benchmark_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (questions, reports):
        monkeypatch.setattr(module, "REPEATS", 1)
    data.build(tmp_path / "data", CLICKS)
    copied = reports.raw_duckdb(tmp_path / "data" / "clicktrail.duckdb", tmp_path / "copy")
    with copied as raw, serving(tmp_path / "data") as server:
        lines = dict([*questions.measure_questions(server, CLICKS), *reports.measure(server, raw)])
    assert {name for name, value in lines.items() if "503" in value} == set()
