"""Numbers with their unit, status, source and spread; each lives once, in a TOML table of this room."""

from ketasim.parameters.draws import draws
from ketasim.parameters.parameter import Parameter, Spread, Status
from ketasim.parameters.table import ParameterTable, builtin_table, read_table

__all__ = ["Parameter", "ParameterTable", "Spread", "Status", "builtin_table", "draws", "read_table"]
