"""The formulas that the simulations are held against give the figures that were published."""

import pytest

from bench.oracles import scenes, theory
from bench.oracles.figures import Estimate, Row, scaled


def test_erlang_c_gives_the_published_figures():
    found = theory.erlang_c(14, 100 / 1800, 180, 20)
    assert (found.waits, found.mean, found.soon) == pytest.approx((0.17413, 7.836, 0.88835), rel=5e-5)


def test_erlang_a_gives_the_published_figures():
    found = theory.erlang_a(50, 0.8, 60, 120, 20)
    assert (found.abandons, found.mean, found.soon) == pytest.approx((0.03091, 3.709, 0.9430), rel=2e-4)


def test_erlang_a_with_endless_patience_is_erlang_c():
    patient, exact = theory.erlang_a(14, 100 / 1800, 180, 1e9, 20), theory.erlang_c(14, 100 / 1800, 180, 20)
    assert (patient.waits, patient.mean, patient.soon) == pytest.approx((exact.waits, exact.mean, exact.soon), rel=1e-4)


@pytest.mark.parametrize(
    ("ratio", "waits"), [(1, (200.6, 200.6)), (None, (27.48, 274.8)), (2, (127.6, 231.9)), (4, (81.8, 251.6))]
)
def test_priorities_give_the_published_figures(ratio, waits):
    assert theory.priorities(10, 300, (0.009, 0.021), ratio) == pytest.approx(waits, rel=6e-4)


def test_skills_give_the_published_figures():
    n_design = theory.first_come_longest_idle(*scenes.N_DESIGN, 4)
    assert n_design.means == pytest.approx((0.31064, 1.04911), rel=2e-5)
    assert n_design.waits == pytest.approx((0.37277, 0.69728), rel=2e-5)
    assert theory.first_come_longest_idle(*scenes.M_DESIGN, 4).means == pytest.approx((0.62712,) * 2, rel=2e-5)
    assert theory.first_come_longest_idle(*scenes.CHAIN, 4).means == pytest.approx((1.52206,) * 4, rel=2e-5)


def test_agents_who_can_all_do_everything_are_erlang_c():
    pooled = theory.first_come_longest_idle((1.0, 2.0), (scenes.ALL, scenes.ALL), 4)
    exact = theory.erlang_c(4, 3.0, 1.0, 0)
    assert pooled.means == pytest.approx((exact.mean,) * 2)
    assert pooled.waits == pytest.approx((exact.waits,) * 2)


def test_what_is_left_for_class_2_is_less_than_comes():
    assert theory.left_for_second(2, 2, 1.8) == pytest.approx(1.53861, rel=1e-5)


def test_tolerances_widen_with_the_root_of_what_is_missing_and_never_narrow():
    assert scaled(1, 4_000_000) == scaled(1, 16_000_000) == 1
    assert scaled(1, 40_000) == pytest.approx(10)
    assert Row("", 5, Estimate(6, 0), 1).holds
    assert not Row("", 5, Estimate(6.1, 0), 1).holds
