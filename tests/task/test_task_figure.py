"""The figure is drawn from the tasks, the same each time."""

from __future__ import annotations

import pytest

pytest.importorskip("matplotlib")


def test_the_figure_is_drawn_and_repeats(tmp_path, monkeypatch):
    from ketasim.task import figure

    monkeypatch.setattr(figure, "number", lambda name, task="": {"block": 40}.get(name, 90))
    figure.draw(tmp_path / "a.png")
    figure.draw(tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").stat().st_size > 20_000
