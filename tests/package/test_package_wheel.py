"""Issue 2, item 2: package data works from an installed wheel."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import ketasim, pathlib
home = pathlib.Path(ketasim.__file__).parent
assert "site" in str(home) and not (home.parents[1] / "pyproject.toml").exists(), home
from ketasim.evidence import evidence, individual, timecourses
from ketasim.claims import claims
from ketasim.scenario import bundled
from ketasim.studies import bundled_studies
from ketasim.system.bind import whole_system
from ketasim.dosing.rules import rules
from ketasim.engine.settings import rodas5p, settings
print(len(evidence().observations), len(claims()), sorted(bundled()), bundled_studies(), len(whole_system().quantities))
print(len(rules()) > 0, settings().lanes > 0, len(rodas5p().c), len(timecourses()), sorted(individual("nimh_moa")))
"""


@pytest.mark.slow
def test_package_data_work_from_an_installed_wheel(tmp_path):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path), str(ROOT)],
        check=True,
        cwd=tmp_path,
    )
    wheel = next(tmp_path.glob("ketasim-*.whl"))
    site = tmp_path / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(wheel)], check=True, cwd=tmp_path)
    # Isolated from this checkout: the installed copy first, the environment's libraries after it.
    start = f"import sys; sys.path.insert(0, {str(site)!r})\n"
    done = subprocess.run(
        [sys.executable, "-c", start + PROGRAM], check=True, cwd=tmp_path, capture_output=True, text=True
    )
    assert "140" in done.stdout
    assert "kamp2020bja" in done.stdout
    assert "landmark" in done.stdout
