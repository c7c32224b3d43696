"""Routes side by side: F against the intravenous arm, and the dose of equal area (`ketasim run routes`)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from report_runs import build
from rich.console import Console

from ketasim.parameters import builtin_table
from ketasim.report import ways, ways_table, write_report
from ketasim.report.ways import Way
from ketasim.scenario.load import parse_scenario
from ketasim.scenario.run import configured, run
from ketasim.system.result import Result

PLASMA = ["plasma.ketamine", "plasma.norketamine", "plasma.s_ketamine", "plasma.r_ketamine"]


def typical(factors: dict[str, float] | None = None) -> Result:
    """Return the scenario's one typical person, the arms' doses multiplied by `factors`."""
    import tomllib

    scenario = configured("routes")
    data = tomllib.loads(scenario.text)
    for arm in data["arm"]:
        amount, unit = arm["dose"][0]["amount"].split()
        arm["dose"][0]["amount"] = f"{float(amount) * (factors or {}).get(arm['name'], 1.0)!r} {unit}"
    data["population"] = {"size": 1, "seed": 1, "spread": False}
    return run(parse_scenario(data, text=_toml(data)), quantities=PLASMA, tolerance=1e-8)


def _toml(data: dict) -> str:
    """Return the scenario as text, as a report reads it back."""
    lines = [f"title = {data['title']!r}", f"horizon = {data['horizon']!r}"]
    for arm in data["arm"]:
        lines += ["[[arm]]", f"name = {arm['name']!r}", "[[arm.dose]]"]
        lines += [f"{k} = {v!r}" for k, v in arm["dose"][0].items()]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def person() -> Result:
    return typical()


def named(result: Result) -> dict[str, Way]:
    return {result.arms[w.arm]: w for w in ways(result)}


def test_f_is_the_models_own(person: Result) -> None:
    """F from areas equals the shares that the parameters say reach the blood (numerical error of areas: 0.3 %)."""
    table, found = builtin_table(), named(person)

    def value(name: str, isomer: str) -> float:
        return float(table.resolve(name, isomer).value)

    def swallowed(isomer: str, factor: float = 1.0) -> float:
        gut = value("F_gut", isomer)
        return gut / (gut + (1 - gut) * factor) * value("F_hepatic", isomer)

    for arm in ("im", "sc"):
        assert found[arm].availability.median == pytest.approx(value(f"F_{arm}", "s"), rel=3e-3), arm
    iv = person.arms.index("iv")
    areas = {i: np.trapezoid(person.values[f"plasma.{i}_ketamine"][iv, 0], person.times_h) for i in "sr"}

    def both(share) -> float:
        return sum(share(i) * a for i, a in areas.items()) / sum(areas.values())

    direct = value("F_rectal_direct", "s")
    expected = {
        "oral": both(swallowed),
        "oral_pr": both(lambda i: swallowed(i, value("gut_factor_pr", i))),
        "rectal": both(lambda i: direct + (1 - direct) * swallowed(i)),
    }
    for arm, share in expected.items():
        assert found[arm].availability.median == pytest.approx(share, rel=3e-3), arm
    nose = value("F_nose", "s") + (1 - value("F_nose", "s")) * value("F_nose_swallowed", "s") * swallowed("s")
    assert found["esketamine intranasal"].availability.median == pytest.approx(nose, rel=3e-3)


def test_peaks_and_their_order(person: Result) -> None:
    """The infusion peaks highest and at its end; prolonged release peaks last and lowest; muscle before mouth."""
    found = named(person)
    racemate = [w for w in ways(person) if w.drug == "ketamine"]
    assert [w.cmax.median for w in racemate] == sorted((w.cmax.median for w in racemate), reverse=True)
    assert racemate[0].route == "iv" and racemate[-1].route == "oral_pr" and len(racemate) == 8
    assert found["iv"].tmax.median == pytest.approx(2 / 3)
    assert found["im"].tmax.median < found["sc"].tmax.median < found["oral"].tmax.median < found["oral_pr"].tmax.median
    assert found["oral_pr"].tmax.median == max(w.tmax.median for w in racemate)
    # The same area, not the same peak: no other route reaches the infusion's even then.
    assert max(w.equal_cmax.median for w in racemate[1:]) < found["iv"].cmax.median


def test_equal_doses_give_equal_areas(person: Result) -> None:
    """Simulated at the doses that the table gives, every arm has the area of its intravenous arm, and the told Cmax."""
    told = named(person)
    again = named(typical({name: w.scale for name, w in told.items()}))
    assert len(again) == len(told) == len(person.arms)
    for name, w in again.items():
        assert w.dose == pytest.approx(told[name].equal_dose, rel=1e-12)
        assert w.scale == pytest.approx(1.0, rel=1e-5), name  # nothing is left to scale: the areas are equal
        assert w.cmax.median == pytest.approx(told[name].equal_cmax.median, rel=1e-5), name


def test_report_and_terminal(person: Result, tmp_path) -> None:
    """Both say F, the equal doses, "same AUC, not same peak" and that this is no dosing advice; the figure has both sides."""
    page = write_report(person, tmp_path / "r.html").read_text("utf-8")
    section = page[page.index('id="routes"') :].partition("</section>")[0]
    for words in (
        "Same AUC, not same peak",
        "no dosing advice",
        "same dose</text>",
        "same AUC</text>",
        "F = 0.9",
        "2.8",
    ):
        assert words in section, words
    assert section.count("<svg") == 1 and "plasma" in section
    console = Console(width=180)
    with console.capture() as taken:
        console.print(ways_table(person, ways(person)))
    text = " ".join(taken.get().split())
    assert "Same AUC, not same peak" in text and "no dosing advice" in text and "reference" in text


def test_appears_wherever_routes_can_be_compared(person: Result, tmp_path) -> None:
    """Not by the scenario's name: an intravenous arm and another route of the same drug, single doses, sampled well."""
    assert ways(replace(person, title="anything else")) == ways(person)
    alone = build(names=PLASMA[:2], size=5)  # an infusion and saline
    assert ways(alone) == () and ways_table(alone, ()) is None
    assert 'id="routes"' not in write_report(alone, tmp_path / "a.html").read_text("utf-8")
    assert ways(replace(person, values={"plasma.norketamine": person.values["plasma.norketamine"]})) == ()
    k = np.searchsorted(person.times_h, [0.0, 2 / 3, 24.0, 72.0])
    sparse = replace(person, times_h=person.times_h[k], values={n: v[:, :, k] for n, v in person.values.items()})
    assert ways(sparse) == ()
