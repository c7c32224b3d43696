"""Reports: one HTML file that opens without a network, and the table a terminal shows.

`write_report` writes the page, `summary_table` makes the terminal's table, `colour_of` gives every room the one colour of
a quantity, `time_axis` the broken time axis. Rich is imported only when a table is drawn.
"""

from ketasim.report.anchors import Anchor, builtin_anchors, read_anchors
from ketasim.report.axis import Panel, TimeAxis, time_axis
from ketasim.report.colours import colour_of
from ketasim.report.compare import Comparison, comparisons
from ketasim.report.kinetics import Kinetic, kinetics
from ketasim.report.kinetics_terminal import kinetics_table, ways_table
from ketasim.report.terminal import summary_table
from ketasim.report.ways import Way, ways
from ketasim.report.write import write_report

__all__ = [
    "Anchor",
    "Comparison",
    "Kinetic",
    "Panel",
    "TimeAxis",
    "Way",
    "builtin_anchors",
    "colour_of",
    "comparisons",
    "kinetics",
    "kinetics_table",
    "read_anchors",
    "summary_table",
    "time_axis",
    "ways",
    "ways_table",
    "write_report",
]
