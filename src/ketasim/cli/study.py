"""`ketasim study`: replicate published studies and print each endpoint."""

from __future__ import annotations

import sys
from typing import Any

from ketasim.cli.bar import Bar
from ketasim.cli.printing import print_rows
from ketasim.errors import InputError


def print_study(name: str | None, *, every: bool, as_json: bool) -> None:
    """Replicate one study or all and print them. Raises `InputError` if neither or both are asked for."""
    from ketasim.studies import bundled_studies, load_study

    if (name is None) == (not every):
        raise InputError("which study?", key="study", value=name, expected="a name or a file, or --all")
    designs = [load_study(n) for n in (bundled_studies() if every else [str(name)])]
    results = [_replicate(d) for d in designs]
    if as_json:
        from ketasim.report.files import to_json

        sys.stdout.write(to_json(results if every else results[0]) + "\n")
        return
    for result in results:
        _print(result)


def _replicate(design: Any) -> dict[str, Any]:
    from ketasim.studies import replicate

    with Bar(design.n * design.groups * len(design.scenario.arms), design.study) as bar:
        return replicate(design, progress=bar)


def _print(result: dict[str, Any]) -> None:

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
    print(" ".join(result["note"].split()))
