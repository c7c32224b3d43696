"""Runs too large for memory: cut into parts, done by one or many processes, written as Parquet, taken up after a stop."""

from ketasim.stream.job import is_large
from ketasim.stream.run import stream_run

__all__ = ["is_large", "stream_run"]
