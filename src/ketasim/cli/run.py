"""`ketasim run`: options to numbers, a progress bar, a table, files."""

from __future__ import annotations

import math
import re
import shlex
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.printing import print_safety
from ketasim.errors import InputError, missing


def whole_number(text: str | None, key: str) -> int | None:
    """Return an option as a whole number, None where it was not given. Raises `InputError`."""
    if text is None:
        return None
    if not re.fullmatch(r"[+-]?\d{1,18}", text.strip()):
        raise InputError("not a whole number", key=f"--{key}", value=text, expected="a whole number")
    return int(text)


def real_number(text: str | None, key: str) -> float | None:
    """Return an option as a finite number, None where it was not given. Raises `InputError`."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError("not a finite number", key=f"--{key}", value=text, expected="a number such as 1e-6")
    return value


def split(text: str | None, key: str) -> list[str] | None:
    """Return a comma-separated option as a list, None where it was not given."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise InputError(
            "an empty list", key=f"--{key}", value=text, expected="names or times with commas between them"
        )
    return parts


def weights(texts: list[str]) -> dict[str, float]:
    """Return the options NAME=WEIGHT as weights by name. Raises `InputError` for another form or a name given twice."""
    found: dict[str, float] = {}
    for text in texts:
        name, sign, weight = (part.strip() for part in text.partition("="))
        value = real_number(weight, "hypothesis") if sign and weight else None
        if not name or value is None or name in found:
            raise InputError("not a weight", key="--hypothesis", value=text, expected="NAME=WEIGHT, each name once")
        found[name] = value
    return found


def run_and_write(
    scenario: str,
    *,
    size: str | None,
    seed: str | None,
    until: str | None,
    quantities: str | None,
    times: str | None,
    without: str | None,
    hypothesis: list[str],
    individuals: bool,
    chunk: str | None,
    tolerance: str | None,
    part: str | None,
    workers: str | None,
    cluster: str | None,
    out: str | None,
    as_json: bool,
) -> None:
    """Run a scenario from the options of the command line, write its files and print its table (or JSON)."""
    from ketasim.report.files import write_files
    from ketasim.scenario.load import duration_h
    from ketasim.scenario.run import configured, run
    from ketasim.stream import is_large
    from ketasim.stream.folder import MANIFEST, PARTS

    s = configured(
        scenario,
        size=whole_number(size, "size"),
        seed=whole_number(seed, "seed"),
        until_h=None if until is None else duration_h(until, "--until"),
        quantities=split(quantities, "quantities"),
        times=split(times, "times"),
        without=split(without, "without") or (),
        hypotheses=weights(hypothesis),
    )
    s = _permitted(s)
    how = {"chunk": whole_number(chunk, "chunk"), "tolerance": real_number(tolerance, "tolerance")}
    spread = {"part": whole_number(part, "part"), "workers": whole_number(workers, "workers"), "cluster": cluster}
    need_run_extra()
    folder = Path(out) if out is not None else Path("out", Path(scenario).stem)
    check_folder(folder)
    streams = is_large(s) or any(v is not None for v in spread.values())
    if streams:
        result = _streamed(s, folder, how | spread)
    else:
        with Bar(s.title) as bar:
            result = run(s, progress=bar, **how)  # type: ignore[arg-type]
    if not streams and (folder / PARTS / MANIFEST).exists():
        bar.say(f"{folder / PARTS} held the parts of an earlier run; they are removed")
    files = write_files(result, folder, individuals=individuals and not streams, parts=streams, command=command_line())
    if s.view and not result.partial and _shows(s):
        from ketasim.report.risk.views import write_view

        files |= write_view(result, s, folder)
    _print(result, files, as_json)


def _permitted(scenario: Any) -> Any:
    """Return the scenario without quantities of benefit where a rule of a label forbids an arm: they are not even computed.

    Raises `InputError` for a condition or co-medication that no rule knows.
    """
    from dataclasses import replace

    from ketasim.risk import benefit_blocked, scenario_hits
    from ketasim.risk.panel import is_benefit, quantities
    from ketasim.system.bind import whole_system
    from ketasim.system.species import HUMAN

    if scenario.species != HUMAN or not any(benefit_blocked(h) for h in scenario_hits(scenario).values()):
        return scenario
    known = whole_system().quantities
    kept = tuple(n for n in scenario.quantities if not is_benefit(known[n]))
    return replace(scenario, quantities=kept or quantities())


def _shows(scenario: Any) -> bool:
    """Return whether the run holds what its view reads."""
    from ketasim.report.package import data_table

    return set(data_table("risk")[scenario.view]["needs"]) <= set(scenario.quantities)


def _streamed(scenario: Any, folder: Path, options: dict[str, Any]) -> Any:
    """Run a scenario through files, with a bar for the people and one for the summary; return its `Result`."""
    from ketasim.stream import stream_run

    with Bar(scenario.title) as bar, Bar("summary", of="values") as second:
        return stream_run(scenario, folder, progress=bar, summary_progress=second, say=bar.say, **options)


def command_line() -> str:
    """Return the command as it was typed."""
    return " ".join(["ketasim", *(shlex.quote(a) for a in sys.argv[1:])])


def need_run_extra() -> None:
    """Raise `RunError` early if what writes the results is not installed."""
    if find_spec("duckdb") is None:
        raise missing("duckdb")


def check_folder(folder: Path) -> None:
    """Raise `InputError` if the place for the results is a file."""
    try:
        taken = folder.exists() and not folder.is_dir()
    except (OSError, ValueError):
        raise InputError(
            "this is not a name for a folder", key="--out", value=str(folder), expected="a shorter name"
        ) from None
    if taken:
        raise InputError(
            "this is not a folder", key="--out", value=str(folder), expected="a folder, or a name that is free"
        )


def _print(result: Any, files: dict[str, str], as_json: bool) -> None:
    if as_json:
        from ketasim.report.files import summary_document, to_json

        sys.stdout.write(to_json(summary_document(result, files)) + "\n")
        return
    from rich.console import Console

    from ketasim.report import kinetics, kinetics_table, summary_table, ways, ways_table
    from ketasim.report.given import unmodelled
    from ketasim.report.safety import panel_of

    console = Console(width=None if sys.stdout.isatty() else 180)
    console.print(summary_table(result, *_shown(result)))
    panel = panel_of(result)
    if panel is not None:
        print_safety(panel.document())
    for table in (kinetics_table(result, kinetics(result)), ways_table(result, ways(result))):
        if table is not None:
            console.print(table)
    for sentence in unmodelled(result):
        console.print(sentence, soft_wrap=True, highlight=False)
    console.print(f"Report: {files['report']}", soft_wrap=True, highlight=False)
    if "view" in files:
        console.print(f"View: {files['view']}", soft_wrap=True, highlight=False)


def _shown(result: Any) -> tuple[list[float], list[str]]:
    """Return the times (h) and quantities of the terminal's table, as data/table.toml lists them."""
    import tomllib
    from importlib.resources import files

    from ketasim.scenario.load import duration_h

    wanted = tomllib.loads(files("ketasim.cli").joinpath("data", "table.toml").read_text("utf-8"))
    names = [q for q in result.values if q in wanted["quantities"] or result.quantities[q].drug] or list(result.values)
    first, last = float(result.times_h[0]), float(result.times_h[-1])
    times = [t for text in wanted["times"] if first <= (t := duration_h(text, "times")) <= last] or [last]
    return times[: max(1, wanted["most_columns"] // len(result.arms))], names
