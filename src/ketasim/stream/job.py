"""What is to be done: a scenario cut into parts of a fixed number of people.

How a run is cut depends on the scenario alone, never on the number of processes, the chunk or a cluster, so the files do not
depend on them either.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from ketasim.errors import InputError
from ketasim.scenario.load import check_size, default_times
from ketasim.scenario.provenance import provenance
from ketasim.scenario.run import Prepared, dose_times
from ketasim.scenario.spec import Scenario
from ketasim.stream.identity import identity
from ketasim.stream.settings import stream_settings

_FORMAT = 1  # of the folder; another one is not taken up


@dataclass(frozen=True)
class Part:
    """People `first` to `first + count - 1` of an arm (its index); `file` is its path in the folder of parts."""

    arm: int
    number: int
    first: int
    count: int
    file: str

    @property
    def people(self) -> str:
        """Who is in it, in words."""
        return f"people {self.first} to {self.first + self.count - 1}"


@dataclass(frozen=True)
class Job:
    """A configured scenario with `people` in a part; `chunk` is how many are solved at a time. It can be pickled.

    `key` is a hash of everything that shapes the files: jobs of one key give the same bytes.
    """

    scenario: Scenario = field(compare=False)
    tolerance: float
    people: int
    rows_per_person: int
    key: str
    chunk: int | None = None

    @property
    def parts_per_arm(self) -> int:
        """The number of parts of each arm."""
        return -(-self.scenario.size // self.people)

    @property
    def total(self) -> int:
        """People times arms."""
        return self.scenario.size * len(self.scenario.arms)

    def parts(self) -> Iterator[Part]:
        """Yield the parts, arm after arm."""
        size, digits = self.scenario.size, stream_settings()["part"]["digits"]
        for a, arm in enumerate(self.scenario.arms):
            folder = arm_folder(arm.name)
            for k in range(self.parts_per_arm):
                first = 1 + k * self.people
                name = f"{folder}/part-{k + 1:0{digits}d}.parquet"
                yield Part(a, k + 1, first, min(self.people, size + 1 - first), name)

    def description(self) -> dict[str, Any]:
        """Return what parts.json says of the run."""
        s = self.scenario
        return {
            "key": self.key,
            "title": s.title,
            "size": s.size,
            "seed": s.seed,
            "arms": {a.name: arm_folder(a.name) for a in s.arms},
            "quantities": list(s.quantities),
            "people_in_a_part": self.people,
            "rows_per_person": self.rows_per_person,
        }


def arm_folder(name: str) -> str:
    """Return the folder of an arm in Hive style, "arm=NAME", with characters that a folder cannot hold as %XX.

    Raises
    ------
    InputError
        If the name is too long for a folder.
    """
    text = f"arm={quote(name, safe=' ')}"
    longest = stream_settings()["limits"]["longest_arm_folder"]
    if len(text) > longest:
        raise InputError(
            "the arm's name is too long for a folder", key="arm.name", value=name, expected="a shorter name"
        )
    return text


def make_job(ready: Prepared, *, people: int | None, chunk: int | None) -> Job:
    """Return the job of a prepared scenario; `people` in a part and `chunk` may be given. Raises `InputError`."""
    limits = stream_settings()["limits"]
    if people is not None and not 1 <= people <= limits["most_people_in_a_part"]:
        expected = f"a whole number from 1 to {limits['most_people_in_a_part']}"
        raise InputError("not a number of people", key="part", value=people, expected=expected)
    if chunk is not None:
        check_size(chunk, "chunk")
    rows = len(ready.times_h) * len(ready.scenario.quantities)
    people = people or _people(rows)
    for arm in ready.scenario.arms:
        arm_folder(arm.name)
    made_of = {
        k: v
        for k, v in provenance(ready.scenario, ready.tolerance).items()
        if k not in ("scenario_file", "people_file")
    }
    told = repr(replace(ready.scenario, file="", text=""))  # a scenario need not come from a file
    text = json.dumps([_FORMAT, people, made_of, told, identity()["program"]], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()
    return Job(ready.scenario, ready.tolerance, people, rows, key, chunk)


def _people(rows: int) -> int:
    """Return how many people a part has, for so many rows of each person."""
    part: Mapping[str, int] = stream_settings()["part"]
    fitting = part["values"] // rows // part["multiple"] * part["multiple"]
    return min(part["people"], max(part["multiple"], fitting))


def is_large(scenario: Scenario) -> bool:
    """Whether a configured scenario is too large to be held in memory, by the limits of data/stream.toml."""
    limits, s = stream_settings()["limits"], scenario
    people = s.size * len(s.arms)
    times = s.times_h or default_times(s.horizon_h, dose_times(s.arms, s.horizon_h))
    return bool(
        people > limits["people_in_memory"] or people * len(times) * len(s.quantities) > limits["values_in_memory"]
    )
