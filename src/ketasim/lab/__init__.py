"""The laboratory: experiments as data (a scenario, protocols of the bench, named figures) and tables that hold them against evidence.

`experiment` makes one ready, `bench` holds what can be measured without a scenario (a channel, a slice, a network, a task),
`tables` are the rows of evidence on receptors and circuits, each with the experiment that answers it.
"""

from ketasim.lab.experiment import Experiment, experiment
from ketasim.lab.tables import Line, Table, table, table_names

__all__ = ["Experiment", "Line", "Table", "experiment", "table", "table_names"]
