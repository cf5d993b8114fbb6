"""The authors' rank, beside pandas, which they used."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from ingest.extend.rank import Candidate, Ranking, choose, mean_ranks

TARGET = date(2020, 5, 13)


def candidate(days: int, clouds: float | None) -> Candidate:
    day = TARGET + timedelta(days)
    return Candidate({"id": f"{day}"}, f"https://stac.example/{day}", day, clouds)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 1.0), (0.0, 1.0), (1.0, 0.25)])
def test_sums_of_ranks_are_those_of_pandas(seed: int, weights: tuple[float, float]) -> None:
    rng = np.random.default_rng(seed)
    days = rng.choice(np.arange(-200, 200), 60, replace=False)
    clouds = np.round(rng.uniform(0, 10, 60), 1)  # so few values that many are equal
    frame = pd.DataFrame({"delta": days, "clouds": clouds})
    frame["rank"] = frame["delta"].abs().rank() * weights[0] + frame["clouds"].rank() * weights[1]
    candidates = [candidate(int(day), float(cloud)) for day, cloud in zip(days, clouds, strict=True)]
    choices = choose(candidates, TARGET, Ranking(16, *weights))
    assert [choice.n for choice in choices] == list(range(1, 17))
    assert [choice.rank for choice in choices] == sorted(frame["rank"])[:16]
    by_delta = frame.set_index("delta")["rank"]
    assert all(by_delta[choice.delta] == choice.rank for choice in choices)


def test_equal_values_share_their_mean_rank() -> None:
    values = [3.0, 1.0, 3.0, 2.0, 3.0, float("inf")]
    assert mean_ranks(values) == pd.Series(values).rank().tolist()
    assert mean_ranks([]) == []


def test_of_equal_sums_the_nearer_day_comes_first() -> None:
    near_and_cloudy, far_and_clear = candidate(1, 90), candidate(-30, 0)
    choices = choose([far_and_clear, near_and_cloudy], TARGET, Ranking())
    assert [choice.delta for choice in choices] == [1, -30]


def test_what_nobody_knows_of_clouds_ranks_behind_what_is_known() -> None:
    choices = choose([candidate(0, None), candidate(5, 99)], TARGET, Ranking(days=0))
    assert [choice.candidate.cloud_cover for choice in choices] == [99, None]


def test_limits_leave_out_clouds_days_and_what_nobody_knows_of_clouds() -> None:
    candidates = [candidate(0, None), candidate(1, 30.1), candidate(2, 30), candidate(-8, 0)]
    choices = choose(candidates, TARGET, Ranking(max_cloud=30, max_days=7))
    assert [choice.delta for choice in choices] == [2]


def test_without_a_target_date_the_clearest_come_first() -> None:
    choices = choose([candidate(0, 50), candidate(9, 1)], None, Ranking(days=0))
    assert [(choice.delta, choice.candidate.cloud_cover) for choice in choices] == [(None, 1), (None, 50)]
