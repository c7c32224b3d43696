"""Run the whole benchmark (`make bench`): agreement, table, scaling, figures; then write everything that was measured.

Files are written when all is measured, each in one move; RESULTS.md is the last. An interrupted run changes nothing.
"""

from __future__ import annotations

import sys
import time

from benchmarks.ketpd.client import fresh_cache
from benchmarks.ketpd.config import RESULTS, ROOT, config
from benchmarks.ketpd.figures import draw
from benchmarks.ketpd.machine import machine_lines
from benchmarks.ketpd.measure import table_rows
from benchmarks.ketpd.report import results_text
from benchmarks.ketpd.scaling import COLUMNS, subjects_rows, variant_rows
from benchmarks.ketpd.table import CSV_COLUMNS, csv_text, headline, markdown, summary
from ketasim.errors import KetasimError
from ketasim.files import atomic_path

SECONDS_PER_MINUTE = 60


def main() -> int:
    """Measure, print, write. Returns the exit status: 0, or 1 if the results could not be written."""
    began, machine = time.monotonic(), machine_lines()
    with fresh_cache() as cache:
        rows = table_rows(cache)
        print(markdown(rows), headline(rows), sep="\n", flush=True)
        timed = [r["tool"] for r in rows if r.get("tight")]
        scaling = subjects_rows(cache, timed)
    scaling += variant_rows([name for name in config()["scaling"]["tools"] if name in timed])
    try:
        draw(scaling, RESULTS)
        minutes = (time.monotonic() - began) / SECONDS_PER_MINUTE
        for path, text in (
            (RESULTS / "ketpd.csv", csv_text(summary(rows), CSV_COLUMNS)),
            (RESULTS / "ketpd_scaling.csv", csv_text(scaling, COLUMNS)),
            (ROOT / "RESULTS.md", results_text(rows, machine, minutes)),
        ):
            with atomic_path(path) as part:
                part.write_text(text, "utf-8")
    except KetasimError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"written: {ROOT / 'RESULTS.md'}, {RESULTS}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
