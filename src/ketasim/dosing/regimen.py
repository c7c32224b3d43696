"""Human regimens: a dose as a scenario writes it ("0.5 mg/kg" over "40 min", 6 times), turned into records."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from ketasim.dosing.limits import limits
from ketasim.dosing.recipe import Part, Recipe
from ketasim.dosing.record import Evid, Record, finite, in_order, whole
from ketasim.errors import InputError, nearest
from ketasim.units import convert, is_compatible, mass_to_molar, parse_quantity

_KEYS = ("drug", "route", "amount", "duration", "start", "every", "count", "devices")
_PER_KG = re.compile(r"\s*/\s*kg\s*$")
_AMOUNT = "an amount such as '0.5 mg/kg', '84 mg' or '100 umol'"


@dataclass(frozen=True)
class Dose:
    """A dose, possibly repeated.

    Attributes
    ----------
    drug, route : names. amount : in `unit` (a mass or an amount of substance), per kg of body weight if `per_kg`.
    duration_h : h of infusion, None for a dose given at once. start_h : h of the first dose.
    every_h, count : h between doses and their number. An `every_h` below the duration is allowed: infusions overlap.
    devices : number of devices that the amount is divided over, `device_gap_h` of the recipe apart.
    """

    drug: str
    route: str
    amount: float
    unit: str
    per_kg: bool = False
    duration_h: float | None = None
    start_h: float = 0.0
    every_h: float | None = None
    count: int = 1
    devices: int = 1

    @classmethod
    def from_table(
        cls,
        table: object,
        *,
        drugs: Collection[str] = (),
        routes: Collection[str] = (),
        inert: Collection[str] = (),
        file: object = None,
        line: int | None = None,
        key: str = "dose",
    ) -> Dose:
        """Return the dose described by a scenario's `[[arm.dose]]` table.

        Parameters
        ----------
        table : keys drug, route, amount, and optionally duration, start, every, count, devices.
        drugs, routes : the known names; empty: any.
        inert : drugs (placebo) that need no route and no amount.
        file, line, key : the place, for messages.

        Raises
        ------
        InputError
            Naming the key, the value and what was expected.
        """
        try:
            return _dose(table, drugs, routes, inert)
        except InputError as error:
            raise _under(error, key).at(file=file, line=line) from None

    @property
    def end_h(self) -> float:
        """The time (h) at which the last dose has been given (lags and devices apart)."""
        return self.start_h + (self.count - 1) * (self.every_h or 0.0) + (self.duration_h or 0.0)


def to_records(
    dose: Dose, recipe: Recipe, *, molar_mass_g_per_mol: float, isomers: Mapping[str, float], id: str = ""
) -> list[Record]:
    """Return the records (umol, h) of a dose, one for each part, stereoisomer and device, in order of time.

    Parameters
    ----------
    dose, recipe : the dose and how its route carries it.
    molar_mass_g_per_mol : of the form in which the amount is stated.
    isomers : share of each stereoisomer, adding up to 1; the compartment is "<isomer>.<input>", or "<input>" for "".
    id : the subject.

    An amount per kg has "weight" (kg) in its `scale`; the names in a part's `fraction` and of its device follow.

    Raises
    ------
    InputError
        For a duration on a route without infusion, too many devices, or shares that do not add up.
    """
    if not isinstance(dose, Dose) or not isinstance(recipe, Recipe):
        raise InputError("not a dose and a recipe", value=(dose, recipe), expected="a Dose and a Recipe")
    if dose.duration_h is not None and not recipe.infusion:
        raise InputError(
            f"a dose by the route {recipe.route} has no duration",
            key="duration",
            value=f"{dose.duration_h:g} h",
            expected="no `duration`, or a route that is infused",
        )
    total = _micromoles(dose, molar_mass_g_per_mol)
    devices = recipe.device_scale(dose.devices)
    records = []
    for k, device in enumerate(devices):
        delay = k * recipe.device_gap_h
        for part in recipe.parts:
            for isomer, share in _shares(isomers).items():
                cmt = f"{isomer}.{part.input}" if isomer else part.input
                amount = total * share / len(devices)
                scale = (*(("weight",) if dose.per_kg else ()), *device, *part.fraction)
                records.append(_record(dose, part, amount, delay, cmt, scale, id))
    return in_order(records)


def _record(dose: Dose, part: Part, amount: float, delay: float, cmt: str, scale: tuple[str, ...], id: str) -> Record:
    """Return the record of one part of a dose; repeats stay ADDL and II."""
    duration = (dose.duration_h if part.duration_h is None else part.duration_h) if part.zero_order else None
    return Record(
        time=dose.start_h + delay + part.lag_h,
        evid=int(Evid.DOSE),
        amt=amount,
        rate=amount / duration if duration else 0.0,
        ii=dose.every_h or 0.0 if dose.count > 1 else 0.0,
        addl=dose.count - 1,
        cmt=cmt,
        id=id,
        scale=scale,
    )


def _shares(isomers: object) -> Mapping[str, float]:
    """Return the shares after checking that they are positive and add up to one."""
    if not isinstance(isomers, Mapping) or not isomers:
        raise InputError("no shares", key="isomers", value=isomers, expected="a share for each stereoisomer")
    for name, share in isomers.items():
        if not isinstance(name, str) or finite(share, f"isomers.{name}") <= 0:
            raise InputError("is not a share", key=f"isomers.{name}", value=share, expected="a number above 0")
    if abs(math.fsum(isomers.values()) - 1) > limits().share_tolerance:
        raise InputError("the shares do not add up to 1", key="isomers", value=dict(isomers))
    return isomers


def _micromoles(dose: Dose, molar_mass: object) -> float:
    """Return the amount in umol, or in umol per kg."""
    if is_compatible(dose.unit, "umol"):
        return convert(dose.amount, dose.unit, "umol")
    mass = finite(molar_mass, "molar_mass_g_per_mol")
    if mass <= 0:
        raise InputError("is not a molar mass", key="molar_mass_g_per_mol", value=molar_mass, expected="g/mol above 0")
    umol = mass_to_molar(dose.amount, dose.unit, mass, "umol")
    if not math.isfinite(umol):
        raise InputError("is not a finite amount", key="amount", value=f"{dose.amount:g} {dose.unit}")
    return umol


def _under(error: InputError, key: str) -> InputError:
    """Return the error with its key put under `key`."""
    return InputError(
        error.problem,
        file=error.file,
        line=error.line,
        key=f"{key}.{error.key}" if error.key else key,
        value=error.value,
        expected=error.expected,
    )


def _dose(table: object, drugs: Collection[str], routes: Collection[str], inert: Collection[str]) -> Dose:
    if not isinstance(table, Mapping):
        raise InputError("not a table", value=table, expected=f"a table with {', '.join(_KEYS)}")
    for name in table:
        if name not in _KEYS:
            raise InputError("unknown key", value=name, expected=nearest(str(name), _KEYS))
    drug = _one_of(table, "drug", drugs)
    idle = drug in inert
    route = "" if idle and "route" not in table else _one_of(table, "route", routes)
    amount, unit, per_kg = (0.0, "mg", False) if idle and "amount" not in table else _amount(table.get("amount"))
    start = _hours(table.get("start", "0 h"), "start")
    if start < 0:
        raise InputError("is negative", key="start", value=table["start"], expected="0 h or later")
    every, count = _repeats(table)
    dose = Dose(
        drug=drug,
        route=route,
        amount=amount,
        unit=unit,
        per_kg=per_kg,
        duration_h=_positive(table, "duration"),
        start_h=start,
        every_h=every,
        count=count,
        devices=_count(table, "devices", limits().max_devices),
    )
    if not math.isfinite(dose.end_h):
        raise InputError("the last dose is never", key="every", value=table.get("every"), expected="fewer hours")
    return dose


def _one_of(table: Mapping[str, object], key: str, known: Collection[str]) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        problem = "is missing" if key not in table else "not a name"
        raise InputError(problem, key=key, value=value, expected=nearest("", known) if known else "a name in quotes")
    if known and value not in known:
        raise InputError(f"unknown {key}", key=key, value=value, expected=nearest(value, known))
    return value


def _amount(text: object) -> tuple[float, str, bool]:
    """Return (amount, unit without the "/kg", whether it is per kg)."""
    if text is None:
        raise InputError("is missing", key="amount", expected=_AMOUNT)
    # mg/kg has no dimension of its own, so the "/kg" is read before units are.
    per_kg = isinstance(text, str) and _PER_KG.search(text) is not None
    try:
        amount, unit = parse_quantity(_PER_KG.sub("", text) if isinstance(text, str) else text)
        fits = is_compatible(unit, "mg") or is_compatible(unit, "umol")
    except InputError as error:
        raise InputError(error.problem, key="amount", value=text, expected=_AMOUNT) from None
    if not fits:
        raise InputError("is not an amount of drug", key="amount", value=text, expected=_AMOUNT)
    if amount < 0:
        raise InputError("is negative", key="amount", value=text, expected="an amount of 0 or more")
    return amount, unit, per_kg


def _hours(value: object, key: str) -> float:
    try:
        number, unit = parse_quantity(value, like="h")
        hours = convert(number, unit, "h")
    except InputError as error:
        raise InputError(error.problem, key=key, value=value, expected="a time such as '40 min' or '84 h'") from None
    return finite(hours, key)


def _positive(table: Mapping[str, object], key: str) -> float | None:
    if key not in table:
        return None
    hours = _hours(table[key], key)
    if hours <= 0:
        raise InputError("is not a length of time", key=key, value=table[key], expected="a time above 0")
    return hours


def _count(table: Mapping[str, object], key: str, most: int) -> int:
    value = table.get(key, 1)
    number = whole(value, key)
    if number < 1:
        raise InputError("is below 1", key=key, value=value, expected="1 or more")
    if number > most:
        raise InputError("is too large", key=key, value=value, expected=f"at most {most}")
    return number


def _repeats(table: Mapping[str, object]) -> tuple[float | None, int]:
    """Return (every_h, count)."""
    every, count = _positive(table, "every"), _count(table, "count", limits().max_additional_doses)
    if count > 1 and every is None:
        raise InputError("`count` needs `every`", key="count", value=count, expected='for example every = "84 h"')
    if every is not None and "count" not in table:
        raise InputError("`every` needs `count`", key="every", value=table["every"], expected="for example count = 6")
    return every, count
