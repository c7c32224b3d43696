"""One landmark-like run and its report, made once for all tests of reports."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ketasim.report import write_report
from ketasim.system.result import Result

sys.path.insert(0, str(Path(__file__).parent))
from report_runs import SOURCES, build


@pytest.fixture(scope="session")
def landmark() -> Result:
    return build()


@pytest.fixture(scope="session")
def landmark_html(landmark: Result, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = write_report(landmark, tmp_path_factory.mktemp("report") / "report.html", sources=SOURCES)
    return path.read_text(encoding="utf-8")
