"""Runs built by hand for the tests of reports: plausible curves, no engine."""

from __future__ import annotations

import json
import tomllib
from importlib.resources import files
from typing import Any

import numpy as np

from ketasim.system.bind import Quantity
from ketasim.system.result import Result

LOOSE = ("receptors", "circuit", "plasticity", "mood", "safety")


def listed(system: str) -> dict[str, Any]:
    """Return the quantities of a system ("whole", "rodent") and of all files it names, as their files have them."""
    data = files("ketasim.system").joinpath("data")
    first = tomllib.loads(data.joinpath(f"{system}.toml").read_text("utf-8"))
    others = (*first.get("first", ()), *first.get("include", ()))
    parts = (first, *(tomllib.loads(data.joinpath(n).read_text("utf-8")) for n in others))
    return {name: entry for part in parts for name, entry in part.get("quantity", {}).items()}


def quantities(names: list[str] | None = None) -> dict[str, Quantity]:
    """Return the quantities of the whole system without binding it: those asked for, or all but those of drugs not given."""
    return {
        n: Quantity(n, q["unit"], q["title"], q["layer"], "uncalibrated" if q["layer"] in LOOSE else "fitted")
        for n, q in listed("whole").items()
        if (n in names if names is not None else "drug" not in q)
    }


def grid(horizon_h: float, doses_h: list[float]) -> np.ndarray:
    """Return times (h), close after each dose and wide later."""
    after = np.concatenate([np.linspace(0, 2, 49), np.linspace(2.25, 24, 40), np.linspace(25, max(horizon_h, 26), 120)])
    times = np.concatenate([[0.0, 2 / 3, 48.0, 240.0], np.linspace(0, horizon_h, 40), *(d + after for d in doses_h)])
    return np.unique(np.round(times[times <= horizon_h], 9))


def wave(times: np.ndarray, doses_h: list[float], rise_h: float, fall_h: float) -> np.ndarray:
    """Return a curve that rises and falls after each dose, at most about 1 for one dose."""
    total = np.zeros_like(times)
    for dose in doses_h:
        t = np.clip(times - dose, 0, None)
        total += (1 - np.exp(-t / rise_h)) * np.exp(-t / fall_h)
    return total


# kind of quantity -> (base, amplitude, rise h, fall h, spread)
SHAPES = {
    "exposure": (0.0, 210.0, 0.3, 2.0, 0.3),
    "receptors": (0.0, 0.25, 0.4, 3.0, 0.3),
    "circuit": (1.0, 0.25, 0.5, 3.0, 0.3),
    "plasticity": (1.0, 0.3, 12.0, 150.0, 0.4),
    "mood": (33.0, -11.0, 6.0, 160.0, 0.5),
    "safety": (0.0, 14.0, 0.3, 1.0, 0.5),
}
BASES = {"sbp": 122.0, "dbp": 78.0, "hr": 70.0, "eeg.alpha": 0.0, "eeg.gamma": 0.0}


def build(
    *,
    horizon_h: float = 336.0,
    doses_h: tuple[float, ...] = (0.0,),
    arms: tuple[str, ...] = ("ketamine", "saline"),
    controls: tuple[bool, ...] = (False, True),
    size: int = 60,
    title: str = "Landmark infusion",
    names: list[str] | None = None,
    dose: dict[str, Any] | None = None,
) -> Result:
    """Return a run of the given arms; controls stay at their baseline."""
    rng = np.random.default_rng(7)
    known, times = quantities(names), grid(horizon_h, list(doses_h))
    values = {}
    for name, q in known.items():
        base, amplitude, rise, fall, spread = SHAPES[q.layer]
        base = BASES.get(name, base)
        subject = np.exp(rng.normal(0, spread, size))[:, None]
        level = base * np.exp(rng.normal(0, 0.1, size))[:, None] if base > 2 else np.full((size, 1), base)
        curve = wave(times, list(doses_h), rise, fall)[None, :] * amplitude * subject
        values[name] = np.stack([level + (0 if control else 1) * curve for control in controls])
    given = dose or {"drug": "ketamine", "route": "iv", "amount": "0.5 mg/kg", "duration": "40 min"}
    told = [] if not given else [f"{k} = {json.dumps(v)}" for k, v in {**given, **_repeat(doses_h)}.items()]
    scenario = f'title = {json.dumps(title)}\nhorizon = "{horizon_h} h"\n'
    for arm, control in zip(arms, controls, strict=True):
        lines = ['drug = "placebo"'] if control else told
        scenario += "\n".join(["", "[[arm]]", f"name = {json.dumps(arm)}", "[[arm.dose]]", *lines, ""])
    taken = {a: () if c else tuple(told) for a, c in zip(arms, controls, strict=True)}
    return Result(
        title=title,
        arms=arms,
        ids=np.arange(1, size + 1),
        times_h=times,
        quantities=known,
        values=values,
        seed=1,
        controls=controls,
        doses=taken,
        dose_times_h={a: [] if c else list(doses_h) for a, c in zip(arms, controls, strict=True)},
        provenance={"ketasim": "0.1.0", "model_sha256": "ab12", "settings": {"size": size}, "scenario": scenario},
    )


def _repeat(doses_h: tuple[float, ...]) -> dict[str, Any]:
    start = {"start": f"{doses_h[0]} h"}
    if len(doses_h) == 1:
        return start
    return {**start, "every": f"{doses_h[1] - doses_h[0]} h", "count": len(doses_h)}


SOURCES = {
    "exposure": ["simons2022", "perezruixo2021", "olofsen2012"],
    "receptors": ["macdonald1991block", "hirota1999opioid"],
    "mood": ["nimhmoa2025dataset", "jelen2025naltrexone"],
    "safety": ["olofsen2022", "vankawala2021"],
}
