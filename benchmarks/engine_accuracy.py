"""Engine against the diffrax reference (rtol 1e-10): every bundled scenario, arm and state, 50 random people.

Run: python benchmarks/engine_accuracy.py [--people 50] [--out benchmarks/results/engine_accuracy.csv]
One row is added for each arm as soon as it is done; a run that stops goes on where it was. Error of a state: largest
|fast - reference| / max(|reference|, 1e-6 of that state's largest value) over people and times. Bar: 1e-6.
Worry if a row exceeds the bar; rerun after any change of the engine or of a model file (the model's hash is in the row).
"""

from __future__ import annotations

import argparse
import csv
import time
from pathlib import Path

import numpy as np

from ketasim.engine.compiled import Program
from ketasim.engine.reference import solve_reference
from ketasim.engine.settings import settings
from ketasim.engine.solve import solve
from ketasim.engine.structure import analyse, prune
from ketasim.population import individuals
from ketasim.scenario import bundled, load_scenario
from ketasim.scenario.events import forcing_of, schedule_of
from ketasim.scenario.load import default_times
from ketasim.scenario.provenance import model_hash
from ketasim.scenario.run import arm_table, dose_times
from ketasim.system.bind import whole_system

SEED = 20261122
COLUMNS = [
    "scenario",
    "arm",
    "people",
    "times",
    "states",
    "largest_error",
    "worst_state",
    "worst_time_h",
    "seconds",
    "model_sha256",
]


def arm_error(name: str, arm_index: int, people_count: int) -> dict[str, object]:
    """Compare one arm of a scenario and return its row."""
    scenario = load_scenario(name)
    arm = scenario.arms[arm_index]
    table = arm_table(scenario, arm)
    schedule = schedule_of(arm, scenario.horizon_h, table)
    inputs = tuple(sorted({c for a in scenario.arms for c in schedule_of(a, scenario.horizon_h, table).compartments}))
    flat = prune(whole_system().flat, list(whole_system().quantities), inputs)
    program = Program(analyse(flat), settings(), list(whole_system().quantities), states=True)
    grid = np.array(default_times(scenario.horizon_h, dose_times([arm], scenario.horizon_h)))
    times = grid[:: max(1, len(grid) // 24)]
    people = individuals(table, SEED, 1, people_count)
    forcing = forcing_of(schedule, flat.inputs, people, table)
    params = people.matrix(flat.params)
    fast = solve(program, params, forcing, times).states
    peak = np.abs(fast).max(axis=(0, 2))
    began = time.perf_counter()
    reference = solve_reference(flat, params, forcing, times, atol=np.maximum(1e-15 * peak, 1e-300))
    scale = np.maximum(np.abs(reference), 1e-6 * np.abs(reference).max(axis=0)[None])
    error = np.where(scale > 0, np.abs(fast - reference) / np.where(scale > 0, scale, 1), 0.0)
    worst = np.unravel_index(error.argmax(), error.shape)
    return {
        "scenario": name, "arm": arm.name, "people": people_count, "times": len(times), "states": len(flat.states),
        "largest_error": f"{error.max():.2e}", "worst_state": flat.states[worst[1]], "worst_time_h": f"{times[worst[0]]:.4g}",
        "seconds": round(time.perf_counter() - began), "model_sha256": model_hash()[:12],
    }  # fmt: skip


def main() -> None:
    """Fill the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/engine_accuracy.csv"))
    given = parser.parse_args()
    done: list[dict[str, object]] = []
    if given.out.exists():
        with given.out.open() as handle:
            done = [
                r
                for r in csv.DictReader(handle)
                if r["model_sha256"] == model_hash()[:12] and r["people"] == str(given.people)
            ]
    for name in bundled():
        for k, arm in enumerate(load_scenario(name).arms):
            if any((r["scenario"], r["arm"]) == (name, arm.name) for r in done):
                continue
            done.append(arm_error(name, k, given.people))
            print(done[-1], flush=True)
            with given.out.open("w", newline="") as handle:
                writer = csv.DictWriter(handle, COLUMNS)
                writer.writeheader()
                writer.writerows(done)


if __name__ == "__main__":
    main()
