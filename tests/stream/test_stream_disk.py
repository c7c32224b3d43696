"""A full disk: one line with what to do, nothing half-written, and the same bytes once there is room (issue 3)."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import sys

import pytest
from stream_runs import PARTS, contents, part_files, streamed

from ketasim.errors import RunError

WIDE = {"times": [f"{k} min" for k in range(1, 400)]}  # about 150 KB a part


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Return the bytes of a run that nothing disturbed."""
    folder = tmp_path_factory.mktemp("undisturbed")
    streamed(folder, **WIDE)
    return contents(folder)


@contextlib.contextmanager
def small_disk(folder, size):
    """Mount a real file system of `size` bytes; skip where that is not allowed."""
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], capture_output=True)
    if done.returncode:
        pytest.skip("no permission to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.mark.skipif(not sys.platform.startswith("linux") or shutil.which("mount") is None, reason="mounts a small disk")
def test_a_full_disk(tmp_path, undisturbed):
    needed = sum(map(len, undisturbed.values()))
    with small_disk(tmp_path / "disk", 2 * needed) as disk:
        hog = disk / "hog"
        hog.write_bytes(b"x" * (needed + needed // 2))
        with pytest.raises(RunError) as stop:
            streamed(disk / "out", **WIDE)
        check(disk / "out", str(stop.value), "No space left on device")
        hog.unlink()
        streamed(disk / "out", **WIDE)
        assert contents(disk / "out") == undisturbed


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files")
def test_a_part_larger_than_the_system_allows(tmp_path, undisturbed):
    """The same refusal by a limit on the size of a file, which needs no permission."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    lines = []
    part = max(len(data) for name, data in undisturbed.items() if "saline" in name)
    assert part < max(map(len, undisturbed.values()))
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (part // 2, before[1]))
        with pytest.raises(RunError) as stop:
            streamed(tmp_path, **WIDE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in str(stop.value)
    assert not [n for n in contents(tmp_path) if n.endswith(".part")]
    streamed(tmp_path, lines=lines, **WIDE)
    assert contents(tmp_path) == undisturbed


def check(folder, line, reason):
    """One line: the folder, the reason, the bytes, the remedy; finished parts kept, no temporary file."""
    kept = len(part_files(folder))
    assert 0 < kept < PARTS
    for words in (
        str(folder),
        reason,
        "the next part needs",
        "bytes are free",
        f"{kept} finished parts are kept",
        "make room",
    ):
        assert words in line, (words, line)
    assert "\n" not in line
    left = contents(folder)
    assert not [n for n in left if n.endswith(".part")]
    assert not os.path.exists(folder / "run.json")
