"""Figures of the mechanism alone, without a scenario."""

from ketasim.report.mechanism.and_gate import and_gate_figure, and_gate_values

__all__ = ["and_gate_figure", "and_gate_values"]
