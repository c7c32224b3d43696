"""A mesh, its events and its output times as the padded arrays of the kernel: few shapes mean few compilations."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketasim.engine.collocation import radau
from ketasim.engine.compiled import Program
from ketasim.engine.dense import linear_weights, rest_weights
from ketasim.engine.forcing import Forcing
from ketasim.engine.frame import Plan
from ketasim.engine.mesh import Mesh, locate
from ketasim.engine.settings import Room, Settings

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shapes:
    """The padded numbers of steps, step lengths, segments and outputs."""

    steps: int
    rungs: int
    segments: int
    outputs: int

    @classmethod
    def of(cls, mesh: Mesh, forcing: Forcing, outputs: int, settings: Settings, *, kept: bool = False) -> Shapes:
        """Return the shapes for a mesh, its events and a number of output times; `kept`: every step's states are stored."""
        many = -(-outputs // settings.outputs_multiple) * settings.outputs_multiple
        return cls(
            steps=_padded(mesh.steps + 1, settings.kept_steps_room if kept else settings.steps_room),
            rungs=_padded(mesh.levels, settings.rungs_room),
            segments=_padded(len(forcing.length_h), settings.segments_room),
            outputs=_padded(outputs, settings.outputs_room) if outputs <= settings.many_outputs else many,
        )


def _padded(n: int, room: Room) -> int:
    size, factor = room
    while size < n:
        size *= factor
    return size


def plan_of(mesh: Mesh, forcing: Forcing, times: Floats, scale: Floats, shapes: Shapes, program: Program) -> Plan:
    """Return the plan of a run without its subjects; `times` (O) sorted, in h."""
    nodes = radau(program.settings.stages)[0]
    step, theta = locate(mesh, times)
    width = np.where(step >= 0, mesh.step_h[np.maximum(step, 0)], 0.0)
    g, k = shapes.steps, shapes.segments
    level = np.where(mesh.level < 0, shapes.rungs, mesh.level)
    finer = math.ceil(math.log2(mesh.unit_h / program.settings.series_h))
    return Plan(
        steps=np.asarray(mesh.steps),
        rungs=np.asarray(mesh.levels),
        finer=np.asarray(min(max(finer, program.settings.least_halvings), program.settings.most_halvings)),
        rung_h=np.asarray(mesh.unit_h * 2.0 ** np.minimum(np.arange(shapes.rungs), mesh.levels)),
        level=np.asarray(_pad(level, g, shapes.rungs)),
        step_h=np.asarray(_pad(mesh.step_h, g)),
        segment=np.asarray(_pad(mesh.segment, g)),
        opens=np.asarray(_pad(mesh.opens, g)),
        reset=np.asarray(_pad(forcing.reset, k)),
        mark=np.asarray(_pad(forcing.mark, k)),
        bolus=np.zeros((k, forcing.bolus.shape[1], 1)),
        rate=np.zeros((k, forcing.rate.shape[1], 1)),
        out_start=np.asarray(_pad(np.searchsorted(step, np.arange(mesh.steps + 1), side="left"), g + 1, len(times))),
        linear=np.asarray(_pad(linear_weights(nodes, theta, width), shapes.outputs)),
        rest=np.asarray(_pad(rest_weights(nodes, theta), shapes.outputs)),
        scale=np.asarray(scale),
        probe=np.asarray(False),
        start=np.zeros((len(scale), program.settings.lanes)),
        resume=np.asarray(False),
    )


def with_subjects(
    plan: Plan, forcing: Forcing, who: NDArray[np.int64], shapes: Shapes, start: Floats | None = None
) -> Plan:
    """Return the plan with the events of these subjects, one in each lane, and their states to start from (states, S)."""
    plan = plan if start is None else plan._replace(start=start[:, who], resume=np.bool_(True))
    return plan._replace(
        bolus=_pad(np.ascontiguousarray(forcing.bolus[:, :, who]), shapes.segments),
        rate=_pad(np.ascontiguousarray(forcing.rate[:, :, who]), shapes.segments),
    )


def _pad(array: np.ndarray, length: int, value: int = 0) -> np.ndarray:
    """Return `array` with its first axis padded to `length`."""
    extra = length - len(array)
    return np.concatenate([array, np.full((extra, *array.shape[1:]), value, dtype=array.dtype)]) if extra else array
