"""What the tests of streamed runs share: a small run in many parts, in this process or in one of its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from pathlib import Path

OPTIONS = {
    "size": 90, "seed": 7, "until_h": 48.0, "quantities": ["plasma.ketamine", "plasma.norketamine"], "times": ["1 h", "1 d"],
}  # fmt: skip
PART = 20
PARTS = 2 * 5  # arms, parts of each
MAIN = [sys.executable, "-c", "from ketasim.cli.main import main; main()"]
RUN = [
    *MAIN, "run", "landmark", "--size", "90", "--seed", "7", "--until", "2d",
    "--quantities", "plasma.ketamine,plasma.norketamine", "--times", "1 h,1 d", "--part", str(PART), "--out", "out",
]  # fmt: skip


def scenario(**other):
    """Return the small scenario, with other settings where given."""
    from ketasim.scenario.run import configured

    return configured("landmark", **(OPTIONS | other))


def streamed(folder, *, part=PART, workers=1, lines=None, **other):
    """Stream the small scenario into a folder; what it says goes to the list `lines`."""
    from ketasim.stream import stream_run

    settings = {k: other.pop(k) for k in tuple(other) if k in OPTIONS}
    say = (lambda line: None) if lines is None else lines.append
    return stream_run(scenario(**settings), folder, part=part, workers=workers, say=say, **other)


def contents(folder):
    """Return the bytes of every file below a folder by relative path, hidden ones too."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def part_files(folder):
    """Return the finished parts below a folder."""
    return sorted(folder.rglob("part-*.parquet"))


def start(folder, *options, run=RUN):
    """Start the small run in a process of its own that works in `folder`."""
    return subprocess.Popen(
        [*run, *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip


def finish(folder, *options, run=RUN):
    """Run it to its end in a process of its own; return the exit status and standard error."""
    process = start(folder, *options, run=run)
    _, err = process.communicate(timeout=120)
    return process.returncode, err


def wait_until(condition, process, seconds=90.0):
    """Wait until `condition()` holds; fail if the process ends or nothing happens first."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, ("it ended before that", process.communicate())
        assert time.monotonic() < end, "that never came"
        time.sleep(0.0005)


def children(pid):
    """Return the process ids of the worker processes of a process (Linux)."""
    found = []
    with contextlib.suppress(OSError):  # it ended while we looked
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            if "spawn_main" in Path(f"/proc/{child}/cmdline").read_text():
                found.append(int(child))
    return found
