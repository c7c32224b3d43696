"""The numbers of the room: agent.toml, tasks.toml, conditions.toml."""

from __future__ import annotations

from functools import cache
from importlib.resources import as_file, files

from ketasim.errors import InputError, nearest
from ketasim.parameters import ParameterTable, read_table

CIRCUIT = ("habenula", "dopamine", "pyramidal", "glutamate", "link")


@cache
def table(name: str) -> ParameterTable:
    """Return the table of data/<name>.toml: "agent", "tasks" or "conditions"."""
    with as_file(files("ketasim.task").joinpath("data", f"{name}.toml")) as path:
        return read_table(path)


def number(name: str, task: str = "") -> float:
    """Return a number of tasks.toml, of the task where it has one of its own. Raises `InputError` if there is none."""
    return table("tasks").resolve(name, task).value


def conditions() -> tuple[str, ...]:
    """Return the names of the illustrative circuits."""
    return tuple(p.name.partition(".")[2] for p in table("conditions").find("habenula"))


def condition(name: str) -> dict[str, float]:
    """Return an illustrative circuit ("depressed", "healthy", "acute", "day1"), relative to the depressed state (1).

    Raises `InputError` for an unknown name.
    """
    if name not in conditions():
        raise InputError("unknown condition", value=name, expected=nearest(name, conditions()))
    return {variable: table("conditions").resolve(variable, name).value for variable in CIRCUIT}
