"""Evidence agrees with exact tails and variances, and takes the strongest of three spans."""

from __future__ import annotations

import math
from math import comb, exp, lgamma, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.core.evidence import SATURATED, SPANS, effective, share_z, strongest, volume_z

ALIKE = (100.0,) * len(SPANS)  # concentrations

windows = st.lists(
    st.integers(0, 40).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total), st.floats(0.01, 60))),
    min_size=1,
    max_size=14,
)


def beta_binomial(n: int, m: float, s: float) -> list[float]:
    a, b = m * s, (1 - m) * s
    beta = lgamma(a) + lgamma(b) - lgamma(s)
    return [comb(n, k) * exp(lgamma(k + a) + lgamma(n - k + b) - lgamma(n + s) - beta) for k in range(n + 1)]


@pytest.mark.parametrize("n", [20, 60, 200])
@pytest.mark.parametrize("m", [0.05, 0.2, 0.5])
def test_share_evidence_is_the_normal_quantile_of_the_exact_binomial_tail(n: int, m: float) -> None:
    for k in range(n + 1):
        tail = sum(comb(n, j) * m**j * (1 - m) ** (n - j) for j in range(k, n + 1))
        if 1e-6 < tail < 0.1:
            assert share_z(k, n, m, n) == pytest.approx(NormalDist().inv_cdf(1 - tail), abs=0.15)


@pytest.mark.parametrize(("n", "s"), [(1, 30.0), (7, 30.0), (40, 5.0), (300, 60.0)])
def test_stories_are_worth_what_the_variance_of_their_share_says(n: int, s: float) -> None:
    m = 0.2
    pmf = beta_binomial(n, m, s)
    variance = sum(p * (k / n - m) ** 2 for k, p in enumerate(pmf))
    assert effective(n, s) == pytest.approx(m * (1 - m) / variance)


@pytest.mark.parametrize(("mu", "phi"), [(2.0, 0.3), (20.0, 0.1), (100.0, 0.05)])
def test_volume_evidence_is_the_normal_quantile_of_the_exact_negative_binomial_tail(mu: float, phi: float) -> None:
    r = 1 / phi

    def mass(n: int) -> float:
        return exp(lgamma(n + r) - lgamma(r) - lgamma(n + 1) + r * log(r / (r + mu)) + n * log(mu / (r + mu)))

    cumulated = np.cumsum([mass(n) for n in range(4000)])
    for n in range(int(mu), int(mu * 12)):
        # The middle of a step: volume evidence has no correction for continuity.
        tail = 1 - float(cumulated[n - 1]) - mass(n) / 2
        if 1e-5 < tail < 0.1:
            assert volume_z(n, mu, phi) == pytest.approx(NormalDist().inv_cdf(1 - tail), abs=0.25)


def test_volume_evidence_is_signed() -> None:
    assert volume_z(0, 10.0, 0.3) < 0 < volume_z(30, 10.0, 0.3)
    assert volume_z(10, 10.0, 0.3) == pytest.approx(0.0, abs=1e-6)


@given(st.integers(1, 400), st.floats(0.001, 0.97), st.floats(1, 300))
def test_more_negative_stories_are_never_less_evidence(n: int, m: float, worth: float) -> None:
    values = [share_z(k, n, m, worth) for k in range(n + 1)]
    assert values == sorted(values)
    assert all(math.isfinite(value) for value in values)


def test_no_story_is_no_evidence() -> None:
    assert share_z(0, 0, 0.2, 0.0) == 0.0


scatters = st.lists(st.floats(3, 1999), min_size=len(SPANS), max_size=len(SPANS))


@given(windows, st.floats(0.001, 0.97), scatters, st.floats(0.01, 10))
def test_the_strongest_span_is_the_largest_of_those_computed_one_by_one(
    drawn: list[tuple[int, int, float]], m: float, scales: list[float], phi: float
) -> None:
    k, n, mu = np.array([d[0] for d in drawn]), np.array([d[1] for d in drawn]), np.array([d[2] for d in drawn])
    each = []
    for index, span in enumerate(SPANS):
        if span > len(drawn):
            continue
        k_span, n_span, mu_span = int(k[-span:].sum()), int(n[-span:].sum()), float(mu[-span:].sum())
        if k_span < 3 or k_span <= m * n_span:
            continue
        worth = n_span * (scales[index] + 1) / (n_span + scales[index])
        by_share = share_z(k_span, n_span, m, 1 / (1 / worth + 1 / 70))
        by_share *= 1 - SATURATED * (1 - worth / n_span) if by_share > 0 else 1
        by_volume = volume_z(n_span, mu_span, phi * {1: 1, 3: 0.7, 6: 0.55, 12: 0.45}[span])
        trial = {1: 0, 3: 0.15, 6: 0.2, 12: 0.3}[span]
        z = (by_share + 0.3 * np.clip(by_volume, -1, 4)) / sqrt(1.09) - trial
        each.append((z, span, k_span, n_span))
    found = strongest(k.tolist(), n.tolist(), mu.tolist(), (m, phi, 70.0, *scales))
    if each:
        assert found[0] == pytest.approx(max(each)[0], abs=1e-9)
        assert found[3:6] in [(span, a, b) for z, span, a, b in each if z == pytest.approx(found[0], abs=1e-9)]
    else:
        assert found[0] <= 0.0
        assert found[3:6] == (1, k[-1], n[-1])


@given(windows, st.floats(0.001, 0.97))
def test_fewer_than_three_negative_stories_never_speak_for_a_spike(
    drawn: list[tuple[int, int, float]], m: float
) -> None:
    n, mu = [d[1] for d in drawn], [d[2] for d in drawn]
    k = [0] * (len(n) - 1) + [min(2, n[-1])]
    assert strongest(k, n, mu, (m, 0.3, 70.0, *ALIKE))[0] <= 0.0


def test_a_share_known_from_few_stories_is_weaker_evidence() -> None:
    weak, strong = (strongest([30], [40], [40.0], (0.3, 0.3, known, *ALIKE))[0] for known in (12.0, 1e6))
    assert weak < 0.6 * strong


def test_where_nothing_is_known_of_the_volume_it_says_nothing() -> None:
    found = strongest([5] * 12, [50] * 12, [0.0] * 12, (0.1, 0.3, 70.0, *ALIKE))
    assert found[2] == 0.0
    assert found[6] == 0.0


def test_where_scatter_decides_the_same_deviance_is_less_evidence() -> None:
    def evidence(k: int, n: int, scale: float) -> tuple[float, float]:
        plain = share_z(k, n, 0.2, effective(n, scale))
        return strongest([k], [n], [float(n)], (0.2, 0.3, 1e12, *(scale,) * len(SPANS)))[1], plain

    few, of_few = evidence(8, 16, 1900.0)
    many, of_many = evidence(3000, 9000, 100.0)
    assert few == pytest.approx(of_few, rel=0.01)
    assert many == pytest.approx((1 - SATURATED) * of_many, rel=0.02)
