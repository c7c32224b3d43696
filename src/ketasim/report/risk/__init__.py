"""Pages of risk beside a run's report: the ladder of doses, mixtures, long use."""
