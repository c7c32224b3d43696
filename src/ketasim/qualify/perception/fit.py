"""Fit the sizes of dissociation (scale, steepness, setting, spreads) to the rows marked `fit`; both rivals together.

Run `python -m ketasim.qualify.perception.fit`: it prints the numbers that `parameters/data/perception.toml` holds.
What a person's brain is exposed to does not depend on these sizes, so people are simulated once; sensitivity and setting are
then drawn over them. Least squares on means (in standard errors) and on log standard deviations (error 1/sqrt(2(n - 1))),
with a lognormal prior where the design says so. Only rows of role calibrate that were read are accepted.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from ketasim.errors import InputError
from ketasim.evidence import observation
from ketasim.parameters import builtin_table
from ketasim.parameters.random import standard_normal
from ketasim.qualify.perception.arms import Floats, at, design, simulated

_DRIVES = ("effect_site.s_ketamine", "plasma.s_norketamine", "disinhibition")


@dataclass(frozen=True)
class Target:
    """A fitted figure: its arm, what it is (mean or sd), observed value (points), error on the scale of the residual."""

    arm: str
    of: str
    at: str
    observed: float
    error: float


def targets() -> list[Target]:
    """Return the fitted figures. Raises `InputError` for a row that may not be fitted or has no SD and n."""
    found = []
    for entry in design()["compare"]:
        if not entry.get("fit"):
            continue
        rows = [observation(entry[key]) for key in ("row", "less") if key in entry]
        for row in rows:
            if row.role != "calibrate" or row.verified != "read" or not row.use:
                raise InputError("this row may not be fitted", key=row.row_id, expected="calibrate, read, for use")
        one = rows[0]
        if one.value is None or one.n is None or one.spread_low is None or one.spread_type != "SD":
            raise InputError("a mean without SD and n", key=one.row_id, expected="a row with both")
        sd, n = float(one.spread_low), float(one.n)
        mean = float(one.value) - sum(float(r.value or 0) for r in rows[1:])
        spread = entry["of"] == "sd"
        error = 1 / np.sqrt(2 * (n - 1)) if spread else sd / np.sqrt(n)
        found.append(Target(entry["arm"], entry["of"], entry["at"], sd if spread else mean, float(error)))
    return found


class Fit:
    """The simulated drives of both rivals and the residuals of a set of sizes."""

    def __init__(self) -> None:
        self.goals, plan, table = targets(), design(), builtin_table()
        self.sizes: Mapping[str, Any] = plan["fit"]["parameter"]
        self.arms = {name: bool(plan["arm"][name].get("healthy")) for name in dict.fromkeys(g.arm for g in self.goals)}
        people = plan["fit"]["people"]
        result = simulated(list(self.arms), _DRIVES)
        self.sensitivity = standard_normal(plan["seed"], "fit of perception_sensitivity", 1, people)
        self.setting = standard_normal(plan["seed"], "fit of cadss_setting", 1, people)
        C50, K = (table.resolve(n).value for n in ("C50_perception", "K_norketamine"))
        molar = table.resolve("M_norketamine").value
        self.healthy, self.most = (table.resolve(n).value for n in ("healthy_setting", "cadss_max"))
        self.drives: dict[tuple[str, str], tuple[Floats, Floats]] = {}
        for arm, time in {(g.arm, g.at) for g in self.goals}:
            site, norketamine, lost = (np.resize(at(result, arm, q, time), people) for q in _DRIVES)
            self.drives[arm, time] = site / (C50 * (1 + norketamine / molar / K)), lost

    def predicted(self, x: Mapping[str, float], arm: str, time: str) -> tuple[Floats, Floats]:
        """Return the CADSS of the drawn people by the effect site and by the circuit, (person,) in points."""
        site, lost = self.drives[arm, time]
        place = self.healthy if self.arms[arm] else x["cadss_setting"]
        setting = 1 / (1 + (1 - place) / place * np.exp(-x["cadss_setting_sd"] * self.setting))
        sensitivity = np.exp(x["perception_sensitivity_sd"] * self.sensitivity)
        a = (sensitivity * site) ** x["gamma_perception"]
        b = (sensitivity * lost / x["loss50_perception"]) ** x["gamma_circuit"]
        top = x["cadss_scale"] * setting
        return np.minimum(top * a / (1 + a), self.most), np.minimum(top * b / (1 + b), self.most)

    def residuals(self, logs: Floats) -> Floats:
        """Return the residuals of the logarithms of the sizes, each in its standard error."""
        x = dict(zip(self.sizes, np.exp(logs), strict=True))
        found = []
        for g in self.goals:
            for score in self.predicted(x, g.arm, g.at):
                miss = np.log(score.std() / g.observed) if g.of == "sd" else score.mean() - g.observed
                found.append(miss / g.error)
        found += [np.log(x[n] / s["start"]) / s["prior"] for n, s in self.sizes.items() if "prior" in s]
        return np.array(found)

    def solve(self) -> tuple[dict[str, float], dict[str, float], float]:
        """Return the sizes, their standard errors on the log scale, and the sum of squared residuals."""
        start, low, high = (np.log([s[k] for s in self.sizes.values()]) for k in ("start", "low", "high"))
        found = least_squares(self.residuals, start, bounds=(low, high), diff_step=design()["fit"]["step"])
        errors = np.sqrt(np.diag(np.linalg.inv(found.jac.T @ found.jac)))
        return (
            dict(zip(self.sizes, np.exp(found.x).tolist(), strict=True)),
            dict(zip(self.sizes, errors.tolist(), strict=True)),
            float(2 * found.cost),
        )


def main() -> None:
    """Fit and write the sizes, their errors and the misfit to standard output."""
    fit = Fit()
    sizes, errors, misfit = fit.solve()
    for name, value in sizes.items():
        sys.stdout.write(f"{name} = {value:.4g} (standard error of the logarithm {errors[name]:.2g})\n")
    sys.stdout.write(f"sum of squared residuals {misfit:.2f} for {2 * len(fit.goals)} figures of two rivals\n")


if __name__ == "__main__":
    main()
