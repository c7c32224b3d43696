"""Bring your own model: a model file, parameters, dosing and a population, solved by the same engine."""

from ketasim.simulate.covariates import RULES
from ketasim.simulate.own import OwnRun, simulate

__all__ = ["RULES", "OwnRun", "simulate"]
