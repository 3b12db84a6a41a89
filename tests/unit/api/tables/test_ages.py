"""Ages as kubectl writes them."""

from __future__ import annotations

import pytest

from lab.api.tables.ages import age, duration

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86_400, 365 * 86_400


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 59 * MINUTE, "7h59m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (47 * HOUR, "47h"),
        (48 * HOUR, "2d"),
        (3 * DAY + 4 * HOUR, "3d4h"),
        (8 * DAY + 4 * HOUR, "8d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 7 * DAY, "2y7d"),
        (9 * YEAR + 7 * DAY, "9y"),
    ],
)
def test_a_duration_has_the_figures_that_matter(seconds: int, told: str) -> None:
    assert duration(seconds) == told


def test_an_age_is_between_two_times_of_the_api() -> None:
    assert age("2024-01-01T00:00:00Z", "2024-01-01T00:01:30Z") == "90s"
    assert age("2024-01-01T00:00:00.500000Z", "2024-01-01T00:05:00Z") == "4m59s"
    assert age(None, "2024-01-01T00:00:00Z") == "<unknown>"
    assert age("yesterday", "2024-01-01T00:00:00Z") == "<unknown>"
