"""One simulator in one fresh process: reads a JSON command a line, answers with one JSON line each.

Started by client.py. Commands (`do`): `open` (problem, setting, grid), `errors` (grid), `time` (grid, subjects, repeats),
`gradient` (subjects, at_least_s), `values` (subjects), `memory`.
A command that fails is answered with {"failed": one line}, and the process goes on.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from benchmarks.ketpd.errors import errors, reference
from benchmarks.ketpd.problem import Problem
from benchmarks.ketpd.timing import cpu_s

KIB_PER_MIB = 1024


class Worker:
    """The simulator of this process: one problem, one setting for each grid of output times."""

    def __init__(self, module: str) -> None:
        self.module = module
        self.peers: dict[str, Any] = {}
        self.warm: set[tuple[str, int]] = set()

    def open(self, problem: dict[str, Any], setting: dict[str, dict[str, Any]], grid: str) -> dict[str, Any]:
        """Import, compile and solve one subject; return the CPU seconds of this process so far, and the version."""
        made = importlib.import_module(self.module).Peer
        self.problem = Problem(**problem)
        first = made(self.problem, setting[grid])
        first.solve(self.problem.subjects(1), self.problem.times(grid))
        cost = time.process_time()
        self.peers = {g: first if s == setting[grid] else made(self.problem, s) for g, s in setting.items()}
        self.warm.clear()
        return {"cpu_s": cost, "version": first.version()}

    def errors(self, grid: str) -> dict[str, Any]:
        """Return the errors of this grid's setting over the reference's subjects, at the dense times."""
        times = self.problem.times("dense")
        found = self.peers[grid].solve(self.problem.subjects(len(reference().C)), times)
        return dict(errors(times, *found))

    def time(self, grid: str, subjects: int, at_least_s: float, warm_subjects: int) -> dict[str, Any]:
        """Return CPU seconds a pass over `subjects`, repeated until `at_least_s` is spent. Shapes are compiled before."""
        peer, times = self.peers[grid], self.problem.times(grid)
        if grid not in self.warm:
            peer.solve(self.problem.subjects(min(subjects, warm_subjects)), times)
            self.warm.add(grid)
        people = self.problem.subjects(subjects)
        spent, passes = cpu_s(lambda: peer.solve(people, times), at_least_s)
        return {"cpu_s": spent, "passes": passes}

    def gradient(self, subjects: int, at_least_s: float) -> dict[str, Any]:
        """Return what a gradient costs at the visits, beside a run (ketasim alone has one)."""
        peer = self.peers["visits"]
        return dict(peer.gradient(self.problem.subjects(subjects), self.problem.times("visits"), at_least_s))

    def values(self, subjects: int) -> dict[str, Any]:
        """Return C and M of the first subjects at the visits, to compare simulators where no reference is stored."""
        found = self.peers["visits"].solve(self.problem.subjects(subjects), self.problem.times("visits"))
        return {"C": np.asarray(found[0]).tolist(), "M": np.asarray(found[1]).tolist()}

    def memory(self) -> dict[str, Any]:
        """Return the largest resident memory of this process so far, MiB.

        Linux carries the parent's peak over into `ru_maxrss`, so the kernel's own mark of this program is read where there is one.
        """
        status = Path("/proc/self/status")
        lines = status.read_text("utf-8").splitlines() if status.exists() else []
        marks = [float(line.split()[1]) for line in lines if line.startswith("VmHWM:")]
        kib = marks[0] if marks else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return {"peak_mib": kib / KIB_PER_MIB}


def serve(worker: Worker, commands: TextIO, answers: TextIO) -> None:
    """Answer commands until they end."""
    for line in commands:
        command = json.loads(line)
        try:
            answer = getattr(worker, command.pop("do"))(**command)
        except Exception as error:  # whatever a simulator raises becomes a row that says so
            lines = str(error).strip().splitlines()
            answer = {"failed": f"{type(error).__name__}: {lines[-1] if lines else 'no message'}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def main() -> None:
    """Serve the simulator named on the command line; what it prints itself goes to standard error."""
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        serve(Worker(sys.argv[1]), sys.stdin, answers)


if __name__ == "__main__":
    main()
