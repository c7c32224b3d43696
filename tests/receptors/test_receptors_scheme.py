"""The kinetic scheme: closed forms, conservation, detailed balance, the AND property (Lester & Jahr 1992; Jahr & Stevens 1990)."""

from __future__ import annotations

import math

import numpy as np
import pytest

from ketasim.errors import InputError
from ketasim.receptors import (
    Blocker,
    Numbers,
    drugs,
    ic50,
    onset,
    open_probability,
    pool_steady,
    pulse_train,
    retained,
    steady_block,
    trapped_fraction,
)
from ketasim.receptors.numbers import free_fraction
from ketasim.receptors.scheme import Gating, gating, generator, parts
from ketasim.receptors.solve import course, cycle, poisson, steady, train_steady

GATE = gating(Numbers())
SEALED = {"escape.ketamine": 1e-9, "escape.memantine": 1e-9, "escape.lanicemine": 1e-9, "escape": 1e-9}


def system(glutamate=100.0, free=0.3, count=2, escape=2.0):
    blockers = [Blocker(on=1.0 + k, off=0.5 + k, escape=escape) for k in range(count)]
    return generator(GATE, glutamate, free, blockers, [0.7 * (k + 1) for k in range(count)])


def test_probability_is_conserved_and_never_negative():
    q = system()
    assert np.abs(q.sum(axis=1)).max() < 1e-9
    p = course(q, np.eye(len(q))[0], [0.0, 1e-3, 0.1, 10.0, 1000.0])
    assert p.sum(axis=1) == pytest.approx(1, abs=1e-10)
    assert p.min() > -1e-12
    assert p[-1] == pytest.approx(steady(q), abs=1e-8)


def test_the_steady_state_without_drug_has_the_closed_form():
    """A chain: each state in ratio to the one before; O = 1/(1 + (c/o)(1 + d/r + u/bg + (u/bg)^2))."""
    g = 3.0
    x = GATE.unbind / (GATE.bind * g)
    inverse = 1 + GATE.close / GATE.open * (1 + GATE.desensitise / GATE.resensitise + x + x**2)
    q = generator(GATE, g, 1.0, [], [])
    assert parts(steady(q))["open"] == pytest.approx(1 / inverse, rel=1e-10)
    assert open_probability(1e9, 0.0, mg=0.0) == pytest.approx(GATE.largest_open, rel=1e-6)


@pytest.mark.parametrize("count", [0, 2])
def test_detailed_balance_holds_where_no_drug_escapes_from_the_closed_channel(count):
    q = system(count=count, escape=0.0)
    p = steady(q)
    flux = p[:, None] * q
    assert flux == pytest.approx(flux.T, abs=1e-12)


def test_escape_breaks_the_balance():
    """It is a leak driven from outside the scheme (wash or a dilute bath); stated in the scheme's docstring."""
    flux = steady(system())[:, None] * system()
    assert np.abs(flux - flux.T).max() > 1e-4


def test_a_channel_that_only_opens_and_is_blocked_is_a_two_state_scheme():
    """Gate held open: block relaxes with on c + off to on c/(on c + off)."""
    always = Gating(bind=1e4, unbind=1e-6, desensitise=1e-9, resensitise=1, open=1e5, close=1e-4)
    on, off, c = 1.2, 0.7, 0.9
    q = generator(always, 1e3, 1.0, [Blocker(on, off, 0.0)], [c])
    held = parts(steady(q))["block"][0]
    assert held == pytest.approx(on * c / (on * c + off), rel=1e-5)
    times = np.array([0.0, 0.3, 1.0, 2.0])
    found = parts(course(q, np.eye(10)[4], times))["block"][:, 0]
    assert found == pytest.approx(held * (1 - np.exp(-(on * c + off) * times)), rel=1e-4, abs=1e-9)


def test_the_mean_open_time_of_an_activation_is_that_of_the_scheme():
    """Gating.open_time = o/(u c), against the course of a channel that starts with both agonists bound and none outside."""
    q = generator(GATE, 0.0, 1.0, [], [])
    times = np.linspace(0, 5, 20001)
    share = parts(course(q, np.eye(5)[2], times))["open"]
    # C1 leads on to C0 alone once glutamate is gone, so that one activation is all that is seen
    assert np.trapezoid(share, times) == pytest.approx(GATE.open_time, rel=1e-3)


@pytest.mark.parametrize("regular", [True, False])
def test_a_train_without_drug_keeps_its_mean(regular):
    """The two ways of averaging a train agree with brute force over many cycles."""
    on, off = generator(GATE, 1000.0, 1.0, [], []), generator(GATE, 0.0, 1.0, [], [])
    if regular:
        step, mean = cycle(on, off, 1e-3, 2.0)
        start = train_steady(step)
        assert start @ step == pytest.approx(start, abs=1e-12)
        times = np.linspace(0, 1e-3, 201), np.linspace(0, 0.499, 20001)
        first = course(on, start, times[0])
        then = course(off, first[-1], times[1])
        brute = (np.trapezoid(first, times[0], axis=0) + np.trapezoid(then, times[1], axis=0)) / 0.5
        assert start @ mean == pytest.approx(brute, abs=1e-5)
    else:
        rng = np.random.default_rng(1)
        gaps = rng.exponential(0.5, 4000)
        p, area, total = steady(poisson(on, off, 1e-3, 2.0)), 0.0, 0.0
        jump = course(on, np.eye(5), [1e-3])[0]
        values, left = np.linalg.eig(off)
        inverse = np.linalg.inv(left)
        held = parts(p)["open"]
        for gap in gaps:
            p = p @ jump
            safe = np.where(np.abs(values) < 1e-9, 1.0, values)
            integral = np.where(np.abs(values) < 1e-9, gap, np.expm1(values * gap) / safe)
            area += (p @ left * integral @ inverse)[4].real
            p = (p @ left * np.exp(values * gap) @ inverse).real
            total += gap
        assert area / total == pytest.approx(held, rel=0.05)


def test_a_channel_conducts_only_with_glutamate_and_depolarisation():
    """AND: each input alone gives under a tenth of both together; agonist alone or voltage alone opens nothing."""
    both = open_probability(100, 0)
    assert open_probability(0, 0) == 0
    assert open_probability(100, -80) < 0.1 * both
    assert open_probability(0.1, 0) < 0.1 * both
    low, high = open_probability(1, -80), open_probability(100, -80)
    assert both - open_probability(1, 0) > 10 * (high - low)  # the effects multiply, they do not add


def test_drug_enters_through_the_same_gate():
    """No glutamate, no block; magnesium at rest keeps it out (macdonald1991block, jahr1990mg)."""
    assert sum(steady_block({"ketamine": 1}, glutamate=1e-3, values=SEALED).values()) == pytest.approx(
        sum(steady_block({"ketamine": 1}, values=SEALED).values()), rel=1e-4
    )  # at steady state without escape the amount of agonist does not matter: it sets the time
    slow, fast = (onset({"ketamine": 1}, glutamate=g, values=SEALED)["time"] for g in (0.3, 100))
    assert slow > 10 * fast
    assert pulse_train({"ketamine": 1}, 1e-4)["block"] == pytest.approx(
        pulse_train({"ketamine": 1}, 1e-2)["block"], rel=0.02
    )
    assert ic50("ketamine", mg=1) / ic50("ketamine", mg=0) == pytest.approx(
        1 / free_fraction(Numbers(), "glun2a", -66, 1), rel=1e-3
    )


@pytest.mark.parametrize("voltage", [-80, -40, 0])
def test_the_ic50_is_koff_over_kon_and_free_fraction(voltage):
    n = Numbers()
    koff = n("koff.memantine") * math.exp((voltage + 66) / n("V_koff.memantine"))
    expected = koff / n("kon.memantine") / free_fraction(n, "glun2a", voltage, 1.0)
    assert ic50("memantine", voltage=voltage, mg=1.0, values=SEALED) == pytest.approx(expected, rel=1e-5)


def test_several_drugs_share_the_channel_by_competition():
    alone = {d: steady_block({d: 1.0}, values=SEALED)[d] for d in ("memantine", "phencyclidine")}
    odds = {d: b / (1 - b) for d, b in alone.items()}
    both = steady_block({"memantine": 1.0, "phencyclidine": 1.0}, values=SEALED)
    assert both["memantine"] == pytest.approx(odds["memantine"] / (1 + sum(odds.values())), rel=1e-6)


@pytest.mark.parametrize("drug", drugs())
def test_a_sealed_channel_traps_all_but_what_leaves_while_it_is_open(drug):
    """Trapping emerges: 1/(1 + T koff) for one activation; a little less from steady agonist, where some channels start open."""
    sealed = retained(drug, values=SEALED)
    assert sealed == pytest.approx(1 / (1 + GATE.open_time * Numbers()(f"koff.{drug}")), rel=1e-6)
    if not drug.endswith("hnk"):  # a drug that leaves within one opening sees which channels happened to be closed
        assert trapped_fraction(drug, values=SEALED) == pytest.approx(sealed, rel=0.2)
    assert trapped_fraction(drug) < trapped_fraction(drug, values=SEALED)


@pytest.mark.parametrize("rate", [0.007, 0.07, 0.3])
@pytest.mark.parametrize(
    ("drug", "level"),
    [
        ("s_ketamine", 0.3),
        ("s_ketamine", 10),
        ("r_ketamine", 0.3),
        ("memantine", 0.3),
        ("lanicemine", 2),
        ("phencyclidine", 0.1),
    ],
)
@pytest.mark.parametrize("voltage", [-66, -48])
def test_the_pool_equation_is_the_scheme_in_a_train_of_pulses(drug, level, rate, voltage):
    """Steady block within 7 %, time constant within 5 %, at the pools' rates of activation (up to 0.3 per s)."""
    full = pulse_train({drug: level}, rate, "glun2b", voltage)
    pool = pool_steady({drug: level}, full["gate"] / GATE.open_time, subunit="glun2b", voltage=voltage)
    assert pool[drug] == pytest.approx(full["block"], rel=0.07)
    assert pool["rate"] == pytest.approx(full["rate"], rel=0.05)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ic50("ketamin"), "unknown blocker"),
        (lambda: ic50("ketamine", "glun2e"), "unknown subunit"),
        (lambda: steady_block({"ketamine": -1}), "negative concentration"),
        (lambda: open_probability(-1, 0), "negative concentration"),
        (lambda: open_probability(1, 0, mg=-1), "negative concentration"),
        (lambda: open_probability(1, 0, values={"no_such": 1}), "unknown parameter"),
        (lambda: pulse_train({"ketamine": 1}, 0), "not a rate"),
        (lambda: pulse_train({"ketamine": 1}, 1e6, regular=True), "overlap"),
    ],
)
def test_bad_input_is_refused(call, words):
    with pytest.raises(InputError, match=words):
        call()
