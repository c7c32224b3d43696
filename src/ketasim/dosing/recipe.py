"""Route recipes: into which inputs of the model a dose goes, in which fractions, when and for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ketasim.dosing.limits import limits
from ketasim.dosing.record import finite
from ketasim.errors import InputError, nearest


@dataclass(frozen=True)
class Part:
    """One way that part of a dose takes into the body.

    Attributes
    ----------
    input : the model input that receives it, without the stereoisomer (for example "nose").
    fraction : names of per-subject factors whose product is the share that takes this way.
    lag_h : h before it starts to enter.
    zero_order : whether it enters at a constant rate, over `duration_h`, or over the duration of the dose if None; a
        dose without a duration then enters at once.
    duration_h : h, only with `zero_order`.
    """

    input: str
    fraction: tuple[str, ...] = ()
    duration_h: float | None = None
    lag_h: float = 0.0
    zero_order: bool = False

    @classmethod
    def from_table(cls, table: object, *, key: str = "part") -> Part:
        """Return the part described by a TOML table; raise `InputError` for unknown or senseless keys."""
        row = _known(table, ("input", "fraction", "duration_h", "lag_h", "zero_order"), key)
        zero_order = _flag(row.get("zero_order", False), f"{key}.zero_order")
        duration = row.get("duration_h")
        if duration is not None and finite(duration, f"{key}.duration_h") <= 0:
            raise InputError("is not a duration", key=f"{key}.duration_h", value=duration, expected="hours above 0")
        if duration is not None and not zero_order:
            raise InputError("a duration needs zero_order = true", key=f"{key}.duration_h", value=duration)
        lag = finite(row.get("lag_h", 0.0), f"{key}.lag_h")
        if lag < 0:
            raise InputError("is negative", key=f"{key}.lag_h", value=lag, expected="0 h or more")
        return cls(
            input=_name(row.get("input"), f"{key}.input"),
            fraction=_names(row.get("fraction", ()), f"{key}.fraction"),
            duration_h=None if duration is None else float(str(duration)),
            lag_h=lag,
            zero_order=zero_order,
        )


@dataclass(frozen=True)
class Recipe:
    """How a route carries a dose.

    Attributes
    ----------
    route : its name. parts : the ways in.
    infusion : whether a dose by this route may have a duration.
    device_fractions : for doses given as several devices (nasal sprays): the k-th device's share is multiplied by the
        k-th of these factors. Empty: the route has no devices.
    device_gap_h : h between devices.
    """

    route: str
    parts: tuple[Part, ...]
    infusion: bool = False
    device_fractions: tuple[str, ...] = ()
    device_gap_h: float = 0.0

    @classmethod
    def from_table(cls, route: str, table: object, *, key: str | None = None) -> Recipe:
        """Return the recipe described by a TOML table; raise `InputError` for unknown or senseless keys."""
        place = key or f"route.{route}"
        row = _known(table, ("parts", "infusion", "device_fractions", "device_gap_h"), place)
        parts = row.get("parts")
        if not isinstance(parts, Sequence) or isinstance(parts, str) or not parts:
            raise InputError("no parts", key=f"{place}.parts", value=parts, expected="a list of at least one part")
        gap = finite(row.get("device_gap_h", 0.0), f"{place}.device_gap_h")
        if gap < 0:
            raise InputError("is negative", key=f"{place}.device_gap_h", value=gap, expected="0 h or more")
        return cls(
            route=_name(route, place),
            parts=tuple(Part.from_table(part, key=f"{place}.parts[{i}]") for i, part in enumerate(parts)),
            infusion=_flag(row.get("infusion", False), f"{place}.infusion"),
            device_fractions=_names(row.get("device_fractions", ()), f"{place}.device_fractions"),
            device_gap_h=gap,
        )

    def device_scale(self, devices: int) -> tuple[tuple[str, ...], ...]:
        """Return, for each of `devices` devices, the names of its extra factors.

        Raises
        ------
        InputError
            If the route has no devices and more than one is asked for, or not that many are described.
        """
        if not self.device_fractions:
            if devices > 1:
                raise InputError(
                    f"the route {self.route} has no devices", key="devices", value=devices, expected="no `devices`"
                )
            return ((),)
        if devices > min(len(self.device_fractions), limits().max_devices):
            raise InputError(
                "too many devices", key="devices", value=devices, expected=f"at most {len(self.device_fractions)}"
            )
        return tuple((name,) for name in self.device_fractions[:devices])


def _known(table: object, keys: tuple[str, ...], place: str) -> Mapping[str, object]:
    """Return the table after checking that it has no key but `keys`."""
    if not isinstance(table, Mapping):
        raise InputError("not a table", key=place, value=table, expected=f"a table with {', '.join(keys)}")
    for key in table:
        if key not in keys:
            raise InputError("unknown key", key=place, value=key, expected=nearest(str(key), keys))
    return table


def _flag(value: object, key: str) -> bool:
    if not isinstance(value, bool):
        raise InputError("not true or false", key=key, value=value, expected="true or false")
    return value


def _name(value: object, key: str) -> str:
    if not isinstance(value, str) or not value:
        raise InputError("not a name", key=key, value=value, expected="a name in quotes")
    return value


def _names(value: object, key: str) -> tuple[str, ...]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InputError("not a list of names", key=key, value=value, expected="a list of names")
    return tuple(_name(item, key) for item in value)
