"""`ketasim study`: replicate published studies and print each endpoint."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.circuit_run import whole
from ketasim.cli.printing import print_rows, print_safety
from ketasim.errors import InputError


def print_study(name: str | None, *, every: bool, out: str | None, workers: str | None, as_json: bool) -> None:
    """Replicate one study or all, print them and (for all, or into `out`) write the report.

    Raises
    ------
    InputError
        If neither or both are asked for, or a file is wrong. RunError : as `replicate_many` does.
    """
    from ketasim.studies import bundled_studies, replicate_many

    if (name is None) == (not every):
        raise InputError("which study?", key="study", value=name, expected="a name or a file, or --all")
    names = list(bundled_studies()) if every else [str(name)]
    count = whole(workers, "workers", min(os.cpu_count() or 1, len(names)), 1)
    with Bar("studies", "studies") as bar:
        results = replicate_many(names, workers=count, told=bar)
    trials = [r for r in results if "summary" not in r]
    folder = out or ("out/studies" if every and not as_json else None)
    written = _written(trials, folder, every, name) if folder and trials else {}
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(results if every else results[0]) + "\n")
        return
    for result in results:
        if "summary" in result:
            _print_curves(result)
        elif not every:
            _print_trial(result)
    if every:
        _print_all(trials)
    for kind, path in written.items():
        print(f"{kind}: {path}")


def _written(trials: Sequence[Mapping[str, Any]], folder: str, every: bool, name: str | None) -> dict[str, str]:
    from ketasim.report.trials import write_replication

    return write_replication(
        list(map(dict, trials)), folder, command=f"ketasim study {'--all' if every else name} --out {folder}"
    )


def _print_trial(result: Mapping[str, Any]) -> None:
    from ketasim.report.trials import calibration_line

    print(f"{result['study']} ({result['role']}): {result['title']}")
    print_rows([_cells(e) for e in result["endpoints"]])
    print_safety(result["safety"])
    counted = [e for e in result["endpoints"] if e["read"] and e["inside"] is not None]
    inside = sum(bool(e["inside"]) for e in counted)
    if not counted:
        print("No published figure that was read stands in this file: nothing is judged.")
    else:
        print(
            f"{inside} of {len(counted)} published figures that were read lie inside the 90 % predictive interval, n = {result['n']}."
        )
    if line := calibration_line(result["calibration"]):
        print(line)
    if result["note"]:
        print(result["note"])


def _cells(e: Mapping[str, Any]) -> dict[str, str]:
    seen = "" if e["observed"] is None else f"{e['observed']:.3g}"
    if e["observed_low"] is not None and e["observed_high"] is not None:
        seen += f" ({e['observed_low']:.3g} to {e['observed_high']:.3g})"
    said = "not shown: a rule forbids it" if e.get("blocked") else "cannot be had"
    if e["predicted"] is not None:
        said = f"{e['predicted']:.3g} ({e['predicted_p05']:.3g} to {e['predicted_p95']:.3g})"
    verdict = {True: "inside", False: "OUTSIDE", None: ""}[e["inside"]]
    return {
        "endpoint": e["name"],
        "observed": seen.strip() + ("" if e["read"] in (True, None) else " recalled"),
        "predicted (90 %)": said,
        "unit": e["unit"],
        "role": e["role"],
        "": verdict,
    }


def _print_all(trials: Sequence[Mapping[str, Any]]) -> None:
    from ketasim.report.trials import replication_notice, replication_rows

    given = list(map(dict, trials))
    if notice := replication_notice(given):
        print(notice)
        print()
    for part in ("worst", "coverage"):
        if rows := replication_rows(given, part=part):
            print_rows(rows)
            print()
    print("Safety of each arm stands in the report and in safety.csv.")
    print(f"{len(trials)} trials, {sum(len(t['endpoints']) for t in trials)} endpoints.")


def _print_curves(result: Mapping[str, Any]) -> None:
    print(f"{result['study']} ({result['role']}): {result['title']}")
    rows = [
        {
            "arm": s["arm"],
            "endpoint": s["name"],
            "points": s["points"],
            "ratio (90 % interval)": f"{s['ratio']:.2f} ({s['ratio_p05']:.2f}-{s['ratio_p95']:.2f})",
            "limits": f"{s['limits'][0]:.2f}-{s['limits'][1]:.2f}",
            "result": "pass" if s["pass"] else "fails",
        }
        for s in result["summary"]
    ]
    print_rows(rows)
    inside, points = sum(e["inside"] for e in result["endpoints"]), len(result["endpoints"])
    print(
        f"{inside} of {points} published points lie inside the 90 % predictive interval for a mean of n = {result['n']}."
    )
    print_safety(result["safety"])
    print(" ".join(result["note"].split()))
