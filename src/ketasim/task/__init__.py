"""Reward, effort and change of context: an agent that learns from prediction errors, set by the circuit (docs/task.md)."""

from ketasim.task.agent import AgentParameters, agent
from ketasim.task.run import TASKS, run
from ketasim.task.settings import condition, conditions

__all__ = ["TASKS", "AgentParameters", "agent", "condition", "conditions", "run"]
