"""Reports of a qualification: how far predictions lie from published kinetics, in tables, figures, one page and plain data.

`write_qualification` writes all of it, `document` returns the data alone, `headline` and `breakdowns` the rows of the tables.
matplotlib is imported only when a figure is drawn.
"""

from ketasim.report.qualification.document import all_rows, comparison_csv, document
from ketasim.report.qualification.groups import Row, breakdowns, failures, headline
from ketasim.report.qualification.page import paragraph, qualification_page
from ketasim.report.qualification.plot import Drawn
from ketasim.report.qualification.write import qualification_figures, write_qualification

__all__ = [
    "Drawn",
    "Row",
    "all_rows",
    "breakdowns",
    "comparison_csv",
    "document",
    "failures",
    "headline",
    "paragraph",
    "qualification_figures",
    "qualification_page",
    "write_qualification",
]
