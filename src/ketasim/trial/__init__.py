"""Virtual trials: designs as data, people as enrolled, rating scales, missing data, endpoints and their statistics."""
