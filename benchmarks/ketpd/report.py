"""Put table, machine, settings and explanations together as benchmarks/RESULTS.md."""

from __future__ import annotations

import json
from string import Template

from benchmarks.ketpd.config import HERE, found_settings, tools
from benchmarks.ketpd.measure import GRIDS, Row
from benchmarks.ketpd.table import gradient_text, headline, markdown


def results_text(rows: list[Row], machine: list[str], minutes: float) -> str:
    """Return the whole RESULTS.md: report.md filled with what was measured, floor.md copied in."""
    return Template((HERE / "report.md").read_text("utf-8")).substitute(
        headline=headline(rows),
        table=markdown(rows),
        gradient=gradient_text(rows),
        machine="\n".join(f"- {line}" for line in machine),
        settings=_settings(),
        floor=(HERE / "floor.md").read_text("utf-8").strip(),
        minutes=f"{minutes:.0f}",
    )


def _settings() -> str:
    lines = ["| tool | dense | visits |", "|---|---|---|"]
    for name, tool in tools().items():
        known = found_settings().get(name)
        cells = [_plain(known[grid]) if known else "none is tight" for grid in GRIDS]
        lines.append(f"| {tool['label']} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _plain(setting: dict[str, object]) -> str:
    return ", ".join(f"{k} {v if isinstance(v, str) else json.dumps(v)}" for k, v in setting.items())
