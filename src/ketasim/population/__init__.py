"""From a typical person and covariates to individual parameters, seeded by subject and purpose."""

from ketasim.population.individuals import Individuals, individuals
from ketasim.population.random import standard_normal

__all__ = ["Individuals", "individuals", "standard_normal"]
