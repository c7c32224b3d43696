"""Call the command line within the process, and read what it prints."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ketasim.cli.main import main


@dataclass(frozen=True)
class Call:
    """What a call left: exit status, standard output, standard error."""

    status: int
    out: str
    err: str


def call(capfd, *argv):
    """Run `ketasim ARGV` and return its status and streams."""
    capfd.readouterr()
    try:
        main(list(argv))
        status = 0
    except SystemExit as stop:
        status = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    out, err = capfd.readouterr()
    return Call(status, out, err)


def assert_refused(result, folder, *words, status=2):
    """Check the contract of bad input: one line on standard error, no traceback, nothing written."""
    assert result.status == status, (result.status, result.err)
    assert result.out == ""
    assert result.err.startswith("ketasim: "), result.err
    assert result.err.count("\n") == 1, result.err
    assert "Traceback" not in result.err
    assert "internal fault" not in result.err
    for word in words:
        assert word in result.err, (word, result.err)
    left = [p for p in Path(folder).rglob("*") if p.is_file() and p.name not in {"mine.toml", "blocked"}]
    assert left == [], left


SCENARIO = """
title = "mine"
horizon = "2 d"
[[arm]]
name = "ketamine"
[[arm.dose]]
drug = "ketamine"
route = "iv"
amount = "0.5 mg/kg"
duration = "40 min"
[population]
size = 3
"""
