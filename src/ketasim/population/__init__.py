"""From a typical person to people: covariates and their effects, correlated spread, occasions; keyed by seed, purpose, subject."""

from ketasim.population.covariates import Covariate, covariates
from ketasim.population.effects import Effect, effects
from ketasim.population.individuals import Individuals, dose_level, individuals
from ketasim.population.random import standard_normal
from ketasim.population.who import Population, default_population, population_of, populations

__all__ = [
    "Covariate",
    "Effect",
    "Individuals",
    "Population",
    "covariates",
    "default_population",
    "dose_level",
    "effects",
    "individuals",
    "population_of",
    "populations",
    "standard_normal",
]
