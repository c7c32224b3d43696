"""Issue 2, item 9: the 140 statements with chapter time, source and testability."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import ketasim.claims as kc
from ketasim.claims.entries import entries
from ketasim.claims.episode import seconds
from ketasim.errors import InputError
from ketasim.evidence import evidence, study

HEAD = "claim_id,topic,claim,episode_time,sources,cited_study,quantity,expected,testability\n"
GOOD = "C001,receptor,A statement.,00:09:01,002;003,berman2000ketamine,q,e,quantitative\n"


def test_there_are_140_claims_in_order() -> None:
    """C001 to C140, each statement once."""
    got = kc.claims()
    assert [c.id for c in got] == [f"C{i:03d}" for i in range(1, 141)]
    assert len({c.claim for c in got}) == 140


def test_a_claim_without_an_experiment_has_no_verdict() -> None:
    """No verdict is shown before an experiment has run."""
    bare = [c for c in kc.claims() if c.id not in entries()]
    assert bare
    for c in bare:
        assert c.state == "not yet computed"
        assert (c.model_verdict, c.probability, c.literature_verdict) == (None, None, None)


def test_every_cited_study_is_in_the_register() -> None:
    """DESIGN section 6: one register; the cited ids are its ids, and the episode's articles are among its papers."""
    cited = {s for c in kc.claims() for s in c.cited_study}
    assert cited <= {a.study for a in kc.episode().articles}
    assert all(study(s).study_id == s for s in cited)
    assert {"berman2000ketamine", "koike2011", "williams2019suicide", "pcn2023arketamine"} <= cited


def test_chapters_contain_their_claims() -> None:
    """A claim's chapter starts at or before its time, the next one after it, and is not housekeeping."""
    told = kc.episode()
    starts = [*(seconds(c.time) for c in told.chapters), None]
    for c in kc.claims():
        if c.episode_time is None:
            assert c.chapter is None
            continue
        assert c.chapter is not None and not c.chapter.housekeeping
        i = told.chapters.index(c.chapter)
        after = starts[i + 1]
        assert seconds(c.chapter.time) <= seconds(c.episode_time)
        assert after is None or seconds(c.episode_time) < after


def test_known_chapters() -> None:
    """C003 (00:09:01) falls into the chapter on current treatments, C036 into the opioid pathway; C004 has no time."""
    assert kc.claim("C003").chapter == kc.Chapter("00:09:00", "Depression & Current Treatments")
    assert kc.claim("c036").chapter == kc.Chapter("01:03:40", "Ketamine & Opioid Pathway")
    assert kc.claim("C004").chapter is None


def test_json_shape() -> None:
    """DESIGN section 5: the keys of `claims --json`, with time, chapter, source and testability beside them."""
    got = kc.claim("C093").to_dict()
    assert list(got)[:7] == ["id", "topic", "claim", "state", "model_verdict", "probability", "literature_verdict"]
    assert {"episode_time", "chapter", "source", "testability"} <= set(got)
    assert got["cited_study"] == ["anand2023ect"]
    assert got["source"] == ["001"]


def test_episode_facts() -> None:
    """The episode of 2023-08-06: 20 chapters, 17 articles (each once), five documents, thirteen topics."""
    told = kc.episode()
    assert told.date.isoformat() == "2023-08-06"
    assert (len(told.chapters), len(told.articles), len(told.documents), len(told.topics)) == (20, 17, 5, 13)
    assert {c.topic for c in kc.claims()} == set(told.topics)
    assert len(kc.claims("risk")) == 13


def test_counts_of_the_documentation() -> None:
    """docs/evidence.md: 72 quantitative, 49 directional, 10 definitions, 9 out of scope; 29 without a time."""
    kinds = Counter(c.testability for c in kc.claims())
    assert kinds == {"quantitative": 72, "directional": 49, "definition": 10, "out of scope": 9}
    assert sum(c.episode_time is None for c in kc.claims()) == 29


def test_unknown_claim_and_topic_are_refused() -> None:
    """The nearest name is shown."""
    with pytest.raises(InputError, match="C014"):
        kc.claim("C0141")
    with pytest.raises(InputError, match="clinical"):
        kc.claims("clinic")


@pytest.mark.parametrize(
    ("row", "key", "words"),
    [
        (GOOD.replace("A st", "Another st"), "claim_id", "line 2"),
        (GOOD.replace("C001", "C002"), "claim", "line 2"),
        (GOOD.replace("C001", "X1"), "claim_id", "not a claim id"),
        (GOOD.replace("C001", "C002").replace("receptor", "receptors"), "topic", "'receptor'"),
        (
            GOOD.replace("C001", "C002").replace("berman2000ketamine", "bermann2000"),
            "cited_study",
            "unknown cited_study",
        ),
        (GOOD.replace("C001", "C002").replace("002;003", "002;007"), "sources", "unknown sources"),
        (GOOD.replace("C001", "C002").replace("002;003", ""), "sources", "missing"),
        (GOOD.replace("C001", "C002").replace("00:09:01", "9:01"), "episode_time", "hh:mm:ss"),
        (GOOD.replace("C001", "C002").replace("00:09:01", "00:33:30"), "episode_time", "housekeeping"),
        (GOOD.replace("C001", "C002").replace("quantitative", "certain"), "testability", "unknown testability"),
        (GOOD.replace("C001", "C002").replace("A statement.", ""), "claim", "missing"),
    ],
)
def test_a_bad_claim_is_refused_with_file_and_line(tmp_path: Path, row: str, key: str, words: str) -> None:
    """Issue 2, item 2: duplicates and dangling sources are refused with file and line."""
    path = tmp_path / "claims.csv"
    path.write_text(HEAD + GOOD + row, "utf-8")
    with pytest.raises(InputError, match=r"claims\.csv:3") as caught:
        kc.load_claims(path, kc.episode(), evidence())
    assert caught.value.key == key
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('study = "yang2018habenula"', 'study = "yang2018"', "unknown study"),
        ('study = "yang2018habenula"', 'study = "autry2011nmda"', "stands twice"),
        ('time = "00:05:13"', 'time = "00:55:13"', "out of order"),
        ('time = "00:05:13"', 'time = "5:13"', "hh:mm:ss"),
        ('format = "solo episode"', "", "key is missing"),
        ('format = "solo episode"', 'format = "solo episode"\nmood = 1', "unknown key"),
        ('ordinal = "004"', 'ordinal = "003"', "stands twice"),
        ('ordinal = "003"', 'ordinal = "009"', "unknown document"),
        ("[topics]", "[topics", "not valid TOML"),
    ],
)
def test_a_bad_episode_is_refused(tmp_path: Path, old: str, new: str, words: str) -> None:
    """The episode file names its fault."""
    from importlib.resources import files

    text = files("ketasim.claims").joinpath("data", "episode.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "episode.toml"
    path.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(InputError, match=r"episode\.toml") as caught:
        kc.load_episode(path, evidence())
    assert words in str(caught.value)
