"""CONTRIBUTING: numbers carry unit, status and source; user errors are one line that names file, key and what was expected."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files

import pytest

import ketasim.evidence as ev
from ketasim.errors import InputError
from ketasim.parameters import Status
from ketasim.trial.scales import Number, expected, points_of, rated, rated_own, read_scales, scale, scale_names

TEXT = files("ketasim.trial").joinpath("data", "scales.toml").read_text("utf-8")
ASKED = [
    "madrs", "hdrs17", "hdrs21", "hdrs25", "hdrs6", "qids_sr16", "bdi", "cgi_s", "ssi",
    "bss", "suicide_items", "cadss", "bprs", "vas_high", "caps5", "pcl5", "ybocs", "phq9",
]  # fmt: skip


def numbers() -> Iterator[tuple[str, Number]]:
    for name in scale_names():
        s = scale(name)
        yield from ((f"{name}.{k}", getattr(s, k)) for k in ("noise", "drift", "noise_at_low", "noise_full_from"))
        yield from ((f"{name}.pairs[{k}]", p.score) for k, p in enumerate(s.pairs))


def test_every_scale_that_studies_name_is_there() -> None:
    assert sorted(scale_names()) == sorted(ASKED)


@pytest.mark.parametrize(("name", "number"), list(numbers()), ids=lambda x: x if isinstance(x, str) else "")
def test_every_number_says_where_it_comes_from(name: str, number: Number) -> None:
    if number.status is Status.assumed:
        assert number.reason and number.low is not None
    elif number.status is Status.estimated_in_source:
        assert number.source and number.row
    else:
        assert number.status is Status.derived and number.place


def test_rows_named_are_of_the_paper_named() -> None:
    known = ev.load().by_row
    named = [(name, n) for name, n in numbers() if n.row in known]
    assert named
    for name, n in named:
        assert known[n.row].study_id == n.source, name
        if n.status is Status.estimated_in_source:
            assert known[n.row].verified == "read" and known[n.row].role == "calibrate", name


def test_pairs_that_were_read_are_the_figures_of_their_rows() -> None:
    known = ev.load().by_row
    pairs = [(p, known[p.score.row]) for n in scale_names() for p in scale(n).pairs if p.score.row in known]
    read = [(p, row) for p, row in pairs if p.score.status is Status.estimated_in_source]
    if not read:
        pytest.skip("the rows of scales are not in the register")
    for p, row in read:
        if row.value is not None:
            figures = [row.value]
        else:
            assert row.low is not None and row.high is not None
            figures = [
                (row.low + row.high) / 2,
                row.high,
                row.high + 0.5,
            ]  # the middle, the end, the border to the next band
        assert p.at in figures or p.score.value in figures, row.row_id


def test_an_unknown_scale_is_refused_with_the_nearest() -> None:
    for call in (scale, lambda n: expected(n, 1.0), lambda n: rated_own(n, 1.0, 1.0, 0.0)):
        with pytest.raises(InputError, match=r"unknown scale.*'hdrs17' \(nearest\)"):
            call("hdrs_17")


def test_a_scale_of_another_disorder_has_no_relation_to_severity() -> None:
    for call in (lambda: expected("caps5", 1.0), lambda: points_of("ssi", 1.0), lambda: rated("cadss", 1.0, 0.0)):
        with pytest.raises(InputError, match="is no depression scale"):
            call()
    with pytest.raises(InputError, match="is rated from severity"):
        rated_own("madrs", 30.0, 0.5, 0.0)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('kind = "acute"', 'kind = "accute"', r"kind: unknown kind, got 'accute'; expected 'acute'"),
        ("high = 92", "high = -1", "scale.cadss: not a scale"),
        ("high = 92", "high = 92.5", "scale.cadss: not a scale"),
        ("high = 92", 'high = "92"', "scale.cadss.high: not a number"),
        ('via = "hdrs17"', 'via = "hdrs7"', r"scale.hdrs21.via: not a scale to go by.*'hdrs17'"),
        ("at = 13, score = 10", "at = 13, score = 10.5, word = 1", r"pairs\[1\].word: unknown key"),
        ("range = [8, 11]", "range = [11, 12]", "the value lies outside its own range"),
        ("range = [8, 11]", "range = [8]", "not a pair of numbers"),
        ("range = [8, 11]", "range = [8, 22]", "scale.hdrs17.pairs: does not rise"),
        ("at = 26, score = 20", "at = 12, score = 20", "scale.hdrs17.pairs: does not rise"),
        ("at = 60, score = 52", "at = 60, score = 51", "scale.hdrs17.pairs: does not join the ends"),
        ('status = "estimated_in_source"', 'status = "estimated"', "unknown status"),
        (
            'reason = "no figure", range = [-5, 5]',
            'reason = "no figure"',
            "an assumed number needs a reason and a range",
        ),
        ("[common]", "[commons]", "commons: unknown key"),
        ("[scale.madrs]", "[scale.madrs", "not valid TOML"),
        ("noise = { value = 2.5", "noise = { value = 0.1", r"lies outside its own range|less noise"),
    ],
)
def test_an_unsound_data_file_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError, match=said) as error:
        read_scales(TEXT.replace(old, new, 1), "mine.toml")
    assert str(error.value).startswith("mine.toml")
    assert "\n" not in str(error.value)


def test_a_scale_by_way_of_another_names_a_plain_one() -> None:
    with pytest.raises(InputError, match="not a scale to go by"):
        read_scales(TEXT.replace('via = "hdrs17"', 'via = "hdrs25"', 1))


def test_only_depression_scales_have_pairs() -> None:
    with pytest.raises(InputError, match="only a depression scale has pairs"):
        read_scales(TEXT.replace('kind = "depression"\nlow = 0\nhigh = 60', 'kind = "own"\nlow = 0\nhigh = 60', 1))
