"""Random numbers keyed by seed, purpose and subject (`ketasim.parameters.random`), under the name people are drawn with."""

from ketasim.parameters.random import standard_normal

__all__ = ["standard_normal"]
