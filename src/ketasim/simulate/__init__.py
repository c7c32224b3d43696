"""Bring your own model: a model file, parameters, dosing and a population, solved by the same engine."""

from ketasim.simulate.own import OwnRun, simulate

__all__ = ["OwnRun", "simulate"]
