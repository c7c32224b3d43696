"""`ketasim fit`: what is refused, in one line and with exit status 2 (issue 4)."""

from __future__ import annotations

import pytest

from ketasim.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "word"), [(["fit", "nothing"], "no such fit"), (["fit", "exposure", "--check", "0"], "data sets")]
)
def test_a_fit_that_is_none_is_refused_in_one_line(arguments, word, capfd, tmp_path):
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--work", str(tmp_path)])
    said = capfd.readouterr()
    assert ended.value.code == 2
    assert word in said.err and said.err.count("\n") == 1
    assert not said.out
