"""Lateral habenula, its GABA relay and the dopamine cells downstream, as a spiking network in Brian2."""

from ketasim.networks.habenula.run import Record, record, simulate, summary
from ketasim.networks.habenula.signal import Response, disappointment
from ketasim.networks.habenula.single import Rebound, rebound

__all__ = ["Rebound", "Record", "Response", "disappointment", "rebound", "record", "simulate", "summary"]
