"""Reports of virtual trials: published studies run again and held against what they reported, and trials of a user's own design.

`write_replication` and `write_trial` write a page, a table and figures; `replication_rows` and `trial_rows` give the rows of a
terminal, `replication_notice` the sentence above them and `calibration_line` the one below. matplotlib is imported only when a
figure is drawn.
"""

from ketasim.report.trials.terminal import calibration_line, replication_notice, replication_rows, trial_rows
from ketasim.report.trials.trial_write import write_trial
from ketasim.report.trials.write import write_replication

__all__ = [
    "calibration_line",
    "replication_notice",
    "replication_rows",
    "trial_rows",
    "write_replication",
    "write_trial",
]
