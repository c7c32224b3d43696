"""A streamed run from beginning to end: cut, do what is missing, summarise from the files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ketasim.engine.blocks import cores
from ketasim.errors import InputError, KetasimError, RunError
from ketasim.scenario.run import Prepared, configured, prepare
from ketasim.scenario.spec import Scenario
from ketasim.stream.cluster import connected, work_on_cluster
from ketasim.stream.folder import PARTS, PartFolder, Say, open_folder
from ketasim.stream.job import Job, make_job
from ketasim.stream.local import work_here, work_locally
from ketasim.stream.settings import stream_settings
from ketasim.stream.summary import summarise
from ketasim.stream.tally import Tally
from ketasim.system.result import Result

Progress = Callable[[int, int], None]


class Interrupted(KetasimError):
    """Ctrl-C during a streamed run."""

    exit_status = 130


def stream_run(
    scenario: Scenario | str,
    out: str | Path,
    *,
    tolerance: float | None = None,
    chunk: int | None = None,
    part: int | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Progress | None = None,
    summary_progress: Progress | None = None,
    say: Say = lambda line: None,
) -> Result:
    """Simulate a scenario into `out`/individuals, one Parquet file for each part of the people, and summarise the files.

    A run stopped by whatever cause is taken up by the same call. The files do not depend on `chunk`, `workers` or `cluster`.

    Parameters
    ----------
    scenario : as for `ketasim.run`. Use `configured` of `ketasim.scenario.run` to replace its settings.
    out : the folder of the run.
    tolerance, chunk : as for `ketasim.run`; chunk : by default as many as the engine solves side by side.
    part : people in a part (default 4000, fewer with many times and quantities).
    workers : processes (default: as many as cores); 1: in this process. In a script, call from under
        `if __name__ == "__main__":`.
    cluster : the address of a Dask scheduler; then `workers` must not be given.
    progress : called with (people done, people in all), each arm counted; `summary_progress` with values read.
    say : called with a line for the user where the folder holds something already.

    Returns
    -------
    Result, whose statistics are those of everybody and whose values are those of the first of the people.

    Raises
    ------
    InputError
        If the scenario, an argument or the cluster is not as it must be; nothing is touched then.
    RunError
        If a part could not be done or written. Finished parts are kept.
    """
    ready = prepare(configured(scenario), tolerance)
    job = make_job(ready, people=part, chunk=chunk)
    count = _workers(workers, cluster)
    folder = Path(out)
    if cluster is not None:
        with connected(cluster) as client:
            return _streamed(folder, ready, job, client, count, progress, summary_progress, say)
    return _streamed(folder, ready, job, None, count, progress, summary_progress, say)


def _workers(workers: int | None, cluster: str | None) -> int:
    most = stream_settings()["limits"]["most_workers"]
    if workers is None:
        return min(cores(), most)
    if cluster is not None:
        raise InputError(
            "a cluster has its own workers", key="workers", value=workers, expected="--cluster or --workers"
        )
    if not 1 <= workers <= most:
        raise InputError("not a number of processes", key="workers", value=workers, expected=f"1 to {most}")
    return workers


def _streamed(
    out: Path,
    ready: Prepared,
    job: Job,
    client: Any,
    workers: int,
    progress: Progress | None,
    summary_progress: Progress | None,
    say: Say,
) -> Result:
    with open_folder(out / PARTS, job, say) as folder:
        try:
            _no_longer_finished(out)
            _work(folder, client, workers, progress)
            folder.finish()
            result = summarise(folder, ready, summary_progress)
        except KeyboardInterrupt:
            total = len(job.scenario.arms) * job.parts_per_arm
            kept = f"{len(folder.records)} of {total} parts are finished and kept"
            raise Interrupted(f"interrupted; {kept}: run the same command again") from None
    made = {"people_in_a_part": job.people, "parts": len(folder.records), "key": job.key}
    return replace(result, provenance=dict(result.provenance) | {"stream": made})


def _work(folder: PartFolder, client: Any, workers: int, progress: Progress | None) -> None:
    job = folder.job
    tally = Tally(folder.people_done, job.total, progress)
    missing = [part for part in job.parts() if not folder.has(part)]
    if not missing:
        return
    if client is not None:
        work_on_cluster(job, missing, folder.store, tally, client)
    elif workers == 1:
        work_here(job, missing, folder.store, tally)
    else:
        work_locally(job, missing, folder.store, tally, min(workers, len(missing)))


def _no_longer_finished(out: Path) -> None:
    """Remove the record of an earlier run: a folder without it holds no finished run. Raises `RunError`."""
    try:
        (out / "run.json").unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"{out}: cannot be written: {error.strerror or error}") from None
