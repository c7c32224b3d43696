"""`ketasim figure and-gate`: a picture is written, other names and endings are refused in one line."""

from __future__ import annotations

import pytest

from ketasim.cli.figure import draw_and_print
from ketasim.errors import InputError
from ketasim.report.mechanism import and_gate_values


@pytest.mark.parametrize(("name", "magic"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_the_figure_is_written_and_read_aloud(tmp_path, capsys, name, magic):
    draw_and_print("and-gate", out=str(tmp_path / name))
    assert (tmp_path / name).read_bytes().startswith(magic)
    assert "AND" in capsys.readouterr().out


def test_ketamine_dims_every_point_that_conducts():
    _, voltage, levels, values = and_gate_values()
    assert levels[0] == 0
    assert values.shape == (len(levels), len(voltage), len(voltage))
    assert (values[1:] < values[0]).all()
    assert (values[2] < values[1]).all()


@pytest.mark.parametrize(("name", "out"), [("or-gate", "a.png"), ("and-gate", "a.docx")])
def test_unknown_figures_and_endings_are_refused(tmp_path, name, out):
    with pytest.raises(InputError, match="figure"):
        draw_and_print(name, out=str(tmp_path / out))
