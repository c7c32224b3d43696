"""Scenario files: what is given to whom, for how long, and what is to be seen."""

from ketasim.scenario.load import bundled, load_scenario, parse_scenario
from ketasim.scenario.spec import Arm, Scenario

__all__ = ["Arm", "Scenario", "bundled", "load_scenario", "parse_scenario"]
