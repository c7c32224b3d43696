"""A streamed run takes up what is finished, and only that (issue 3 item 3)."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from stream_runs import PARTS, contents, part_files, scenario, streamed

from ketasim.errors import RunError
from ketasim.report.files import write_files
from ketasim.scenario.run import run


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the bytes of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    streamed(folder)
    return contents(folder)


@pytest.fixture
def folder(undisturbed, tmp_path):
    """Return a folder with the finished run."""
    for name, data in undisturbed.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def inodes(folder):
    """Return which file each part is: a part made again is another file."""
    return {str(p.relative_to(folder)): p.stat().st_ino for p in part_files(folder)}


def spoil_middle(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


SPOILED = {
    "one bit": spoil_middle,
    "cut short": lambda p: p.write_bytes(p.read_bytes()[:-50]),
    "empty": lambda p: p.write_bytes(b""),
    "removed": lambda p: p.unlink(),
    "another part": lambda p: p.write_bytes((p.parent / "part-000002.parquet").read_bytes()),
}


@pytest.mark.parametrize("how", SPOILED.values(), ids=SPOILED)
def test_a_spoiled_part_is_made_again_and_no_other(folder, undisturbed, how):
    before, lines = inodes(folder), []
    how(folder / "individuals/arm=ketamine/part-000003.parquet")
    streamed(folder, lines=lines)
    after = inodes(folder)
    assert contents(folder) == undisturbed
    assert {n for n in after if after[n] != before[n]} <= {"individuals/arm=ketamine/part-000003.parquet"}
    assert len(lines) == 1
    assert f"{PARTS - 1} of {PARTS} parts" in lines[0]


def test_a_finished_run_is_only_summarised_again(folder, undisturbed):
    before, lines = inodes(folder), []
    result = streamed(folder, lines=lines)
    assert inodes(folder) == before
    assert contents(folder) == undisturbed
    assert f"{PARTS} of {PARTS} parts" in lines[0]
    assert result.size == 90


def test_other_settings_start_clean_and_say_so(folder, undisturbed, tmp_path_factory):
    lines = []
    (folder / "individuals" / "mine.txt").write_text("not ours")
    streamed(folder, lines=lines, seed=8)
    assert len(lines) == 1
    assert f"{PARTS} parts of a run with other settings" in lines[0]
    clean = tmp_path_factory.mktemp("clean")
    streamed(clean, seed=8)
    left = contents(folder)
    assert left.pop("individuals/mine.txt") == b"not ours"
    assert left == contents(clean)
    assert left != undisturbed


@pytest.mark.parametrize("text", ["", "{", "[]", '{"key": 3}', '"x"'])
def test_a_spoiled_manifest_starts_clean(folder, undisturbed, text):
    (folder / "individuals" / "parts.json").write_text(text)
    streamed(folder)
    assert contents(folder) == undisturbed


def test_a_journal_cut_off_in_a_line_and_left_temporary_files_do_no_harm(folder, undisturbed):
    """What a kill can leave: a manifest without parts, records up to half a line, a file under a temporary name."""
    root = folder / "individuals"
    manifest = json.loads((root / "parts.json").read_text())
    records = manifest.pop("parts")
    (root / "parts.json").write_text(json.dumps(manifest | {"complete": False}))
    lines = [json.dumps(r) for r in records[:4]]
    (root / ".finished.jsonl").write_text("\n".join(lines) + "\n" + json.dumps(records[4])[:60])
    (root / "arm=saline" / ".part-000001.parquet.abcd.part").write_bytes(b"PAR1")
    before, told = inodes(folder), []
    streamed(folder, lines=told)
    after = inodes(folder)
    assert contents(folder) == undisturbed
    assert f"4 of {PARTS} parts" in told[0]
    assert sum(after[n] == before[n] for n in after) >= 4


def test_a_run_in_memory_removes_the_parts_of_an_earlier_run(folder):
    write_files(run(scenario(size=3)), folder, individuals=True)
    assert not (folder / "individuals").exists()
    assert (folder / "individuals.parquet").exists()


def test_two_runs_do_not_write_to_one_folder(tmp_path):
    """The lock of the other run is held by another process, and ends with it."""
    root = tmp_path / "individuals"
    root.mkdir()
    code = (
        "import fcntl, os, sys; fcntl.flock(os.open(sys.argv[1], 0), fcntl.LOCK_EX); print('held', flush=True); input()"
    )
    other = subprocess.Popen([sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"held\n"
    try:
        with pytest.raises(RunError, match="another run is writing to this folder"):
            streamed(tmp_path)
        assert list(root.iterdir()) == []
    finally:
        other.kill()
        other.wait()
    streamed(tmp_path)
    assert len(part_files(tmp_path)) == PARTS


def test_an_earlier_run_does_not_look_finished_while_its_parts_are_replaced(folder):
    os.makedirs(folder, exist_ok=True)
    (folder / "run.json").write_text("{}")

    def stop(done, total):
        assert not (folder / "run.json").exists()
        raise KeyboardInterrupt

    from ketasim.stream.run import Interrupted

    with pytest.raises(Interrupted, match=f"0 of {PARTS} parts are finished and kept"):
        streamed(folder, seed=9, progress=stop)
