"""Streamed runs: the files of the contract, the same numbers and bytes however they are made (issue 3 item 3; law 4)."""

from __future__ import annotations

import json

import duckdb
import numpy as np
import pytest
from stream_runs import OPTIONS, PART, PARTS, contents, part_files, scenario, streamed

from ketasim.errors import InputError
from ketasim.scenario.run import run
from ketasim.stream import is_large
from ketasim.stream.job import arm_folder, make_job


@pytest.fixture(scope="module")
def whole():
    """Return the run held in memory."""
    return run("landmark", **OPTIONS)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return (folder, Result) of the run streamed in this process."""
    folder = tmp_path_factory.mktemp("streamed") / "out"
    return folder, streamed(folder)


def test_every_person_once_with_the_columns_of_the_contract(made, whole):
    folder, _ = made
    rows = duckdb.sql(f"SELECT * FROM read_parquet('{folder}/individuals/**/*.parquet', hive_partitioning = true)")
    assert set(rows.columns) == {"arm", "id", "time_h", "quantity", "value"}
    assert str(dict(zip(rows.columns, rows.types, strict=True))["id"]) == "BIGINT"
    found = {r[:4]: r[4] for r in rows.select("arm, id, time_h, quantity, value").fetchall()}
    assert len(rows) == len(found) == 2 * 90 * 2 * 2
    for a, arm in enumerate(whole.arms):
        for k, t in enumerate(whole.times_h):
            for name, values in whole.values.items():
                assert [found[(arm, i, t, name)] for i in whole.ids] == values[a, :, k].tolist()


def test_the_folder_holds_parts_of_the_stated_size_and_nothing_else(made):
    folder, _ = made
    names = set(contents(folder / "individuals"))
    assert names == {f"arm={a}/part-{k:06d}.parquet" for a in ("ketamine", "saline") for k in range(1, 6)} | {
        "parts.json"
    }
    manifest = json.loads((folder / "individuals" / "parts.json").read_text())
    assert manifest["complete"] is True
    assert [(p["first"], p["people"]) for p in manifest["parts"]][:5] == [
        (1, 20),
        (21, 20),
        (41, 20),
        (61, 20),
        (81, 10),
    ]
    assert len(manifest["parts"]) == PARTS


def test_statistics_are_those_of_the_run_in_memory(made, whole):
    _, result = made
    assert result.size == 90
    for name, stats in whole.statistics.items():
        for kind, values in stats.items():
            assert np.allclose(result.statistics[name][kind], values, rtol=1e-13, atol=1e-300), (name, kind)
    for row, wanted in zip(result.summary(), whole.summary(), strict=True):
        assert {k: row[k] for k in ("arm", "quantity", "unit", "time_h")} == {
            k: wanted[k] for k in ("arm", "quantity", "unit", "time_h")
        }


def test_values_are_those_of_the_first_people(made, whole):
    _, result = made
    assert not result.partial
    for name, values in whole.values.items():
        assert np.array_equal(result.values[name], values)


@pytest.mark.parametrize("how", [{"chunk": 3}, {"workers": 2}], ids=str)
def test_the_same_bytes_however_the_work_is_shared(made, how, tmp_path):
    folder, result = made
    again = streamed(tmp_path / "out", **how)
    assert contents(tmp_path / "out" / "individuals") == contents(folder / "individuals")
    for name, stats in result.statistics.items():
        for kind, values in stats.items():
            assert np.array_equal(again.statistics[name][kind], values)


def test_a_block_of_the_summary_smaller_than_the_run_changes_nothing(made, whole, tmp_path, monkeypatch):
    """Out-of-core summaries: one time in memory at a time, people held for the report only as far as stated."""
    import ketasim.stream.summary as summary

    numbers = {"summary": {"block_bytes": 1, "memory": "64MB", "sample_people": 30, "sample_values": 10_000}}
    monkeypatch.setattr(summary, "stream_settings", lambda: numbers)
    result = streamed(tmp_path / "out")
    assert (result.partial, len(result.ids), result.size) == (True, 30, 90)
    for name, stats in made[1].statistics.items():
        assert np.array_equal(result.values[name], whole.values[name][:, :30])
        for kind, values in stats.items():
            assert np.array_equal(result.statistics[name][kind], values)


def test_a_report_says_whose_figures_are_of_a_sample(tmp_path, monkeypatch):
    import ketasim.stream.summary as summary
    from ketasim.report.files import write_files

    numbers = {"summary": {"block_bytes": 2**20, "memory": "64MB", "sample_people": 30, "sample_values": 10_000}}
    monkeypatch.setattr(summary, "stream_settings", lambda: numbers)
    result = streamed(tmp_path / "out", times=["0 h", "40 min", "24 h"])
    files = write_files(result, tmp_path / "out", parts=True)
    page = (tmp_path / "out" / "report.html").read_text()
    assert "those of the first 30 of 90 people" in page
    assert "each of 90 computed people" in page
    assert files["individuals"] == str(tmp_path / "out" / "individuals")
    assert len(part_files(tmp_path / "out")) == PARTS
    assert json.loads((tmp_path / "out" / "summary.json").read_text())["size"] == 90
    assert json.loads((tmp_path / "out" / "run.json").read_text())["stream"]["parts"] == PARTS


def test_progress_counts_every_person_once(tmp_path):
    seen, read = [], []
    streamed(
        tmp_path,
        progress=lambda done, total: seen.append((done, total)),
        summary_progress=lambda done, total: read.append((done, total)),
    )
    assert seen[0] == (0, 180)
    assert seen[-1] == (180, 180)
    assert [d for d, _ in seen] == sorted(d for d, _ in seen)
    assert read[-1] == (720, 720)


def test_what_is_large_is_streamed():
    assert not is_large(scenario(size=10_000))
    assert is_large(scenario(size=10_001))
    assert is_large(scenario(size=9_000, until_h=77.0 * 24, quantities=[], times=None))


def test_many_rows_of_a_person_mean_fewer_people_in_a_part():
    from ketasim.scenario.run import configured, prepare

    few = make_job(prepare(scenario()), people=None, chunk=None)
    many = make_job(prepare(configured("landmark", until_h=77.0 * 24)), people=None, chunk=None)
    assert few.people == 4000
    assert many.people < 1024
    assert many.people % 80 == 0
    assert many.people * many.rows_per_person <= 4_000_000


def test_the_key_tells_runs_apart_and_not_how_they_are_made():
    from dataclasses import replace

    from ketasim.scenario.run import prepare

    def key(s, tolerance=None, **how):
        return make_job(prepare(s, tolerance), **({"people": PART, "chunk": None} | how)).key

    base = scenario()
    assert key(base) == key(scenario()) == key(base, chunk=5)
    arm = replace(base.arms[0], parameters={"CL": "3 L/min"})
    others = [
        key(scenario(seed=8)), key(scenario(size=91)), key(scenario(times=["1 h"])), key(base, 1e-5), key(base, people=21),
        key(scenario(quantities=["plasma.ketamine"])), key(replace(base, arms=(arm, base.arms[1]))),
    ]  # fmt: skip
    assert len({key(base), *others}) == 1 + len(others)


@pytest.mark.parametrize("name", ["a/b", "..", "50 % = half", "ünïcode", "con:1"])
def test_an_arm_of_any_name_has_a_folder_that_readers_understand(name, tmp_path):
    from dataclasses import replace

    base = scenario(size=2, quantities=["plasma.ketamine"])
    from ketasim.stream import stream_run

    stream_run(replace(base, arms=(replace(base.arms[0], name=name),)), tmp_path, part=2, workers=1)
    rows = duckdb.sql(
        f"SELECT DISTINCT arm FROM read_parquet('{tmp_path}/individuals/*/*.parquet', hive_partitioning = true)"
    )
    assert rows.fetchall() == [(name,)]
    assert [p.name for p in tmp_path.iterdir()] == ["individuals"]


def test_an_arm_whose_name_no_folder_can_hold_is_refused_before_anything_is_written(tmp_path):
    from dataclasses import replace

    base = scenario()
    with pytest.raises(InputError, match="too long for a folder"):
        arm_folder("ä" * 100)
    from ketasim.stream import stream_run

    with pytest.raises(InputError, match=r"arm\.name"):
        stream_run(replace(base, arms=(replace(base.arms[0], name="x" * 300),)), tmp_path / "out", workers=1)
    assert not (tmp_path / "out").exists()


WRONG = [
    {"workers": 0},
    {"workers": 10_000},
    {"part": 0},
    {"part": 10**9},
    {"chunk": 0},
    {"cluster": "tcp://x:1", "workers": 2},
]


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_bad_settings_are_refused(wrong, tmp_path):
    with pytest.raises(InputError):
        streamed(tmp_path / "out", **wrong)
    assert not (tmp_path / "out").exists()
