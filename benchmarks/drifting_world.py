"""A served model in a made-up world that changes, or does not, for the benchmark of the retrain rule.

Twelve correlated numbers and four categories, of which the last of each say nothing of the label; a logistic model
fitted on 20,000 rows; 2,000 rows a day. In the seasonal world every weekday has its own means, and every day moves all
means, the categories' shares and the label's rate a little: nothing that a retrain could mend.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from kfp_lifecycle.core.window import Window

START = datetime(2013, 1, 7, tzinfo=UTC)
DAY = timedelta(days=1)
REFERENCE_ROWS, ROWS = 20_000, 2_000
NUMBERS, CATEGORIES, LEVELS = 12, 4, 5
NAMES = [f"number_{n}" for n in range(NUMBERS)]
TEXTS = [f"category_{n}" for n in range(CATEGORIES)]
_WEEKDAY, _DAILY, _SHARES, _RATE = 0.1, 0.05, 0.05, 0.1


@dataclass(frozen=True)
class Rows:
    """What was served, and the truth."""

    numbers: np.ndarray
    codes: np.ndarray
    late: np.ndarray

    def batch(self, score: np.ndarray | None = None) -> pa.RecordBatch:
        columns = dict(zip(NAMES, self.numbers.T, strict=True))
        texts = {
            name: pa.array([f"v{code}" for code in column]) for name, column in zip(TEXTS, self.codes.T, strict=True)
        }
        extra = {} if score is None else {"_score": score}
        return pa.record_batch({**columns, **texts, **extra})

    def inputs(self) -> np.ndarray:
        return np.column_stack([self.numbers, np.eye(LEVELS)[self.codes].reshape(len(self.codes), -1)])


@dataclass(frozen=True)
class Change:
    """What happens to the world from day 0 of a scenario on.

    Attributes:
        shifts: of the means, in standard deviations, by number.
        shares: of the last category, to be swapped.
        turn: how far the true relation turns away, from 0 to 1; ``gradual`` reaches it on the last day.
        broken: the number whose values are those of other rows.
    """

    shifts: tuple[tuple[int, float], ...] = ()
    shares: bool = False
    turn: float = 0.0
    gradual: bool = False
    broken: int | None = None


class World:
    """One draw of everything that stays."""

    def __init__(self, seed: int, seasonal: bool) -> None:
        self.random = np.random.default_rng(seed)
        self.seasonal = seasonal
        random = self.random
        self.weights = np.r_[np.sort(random.uniform(0.3, 0.9, 8))[::-1], np.zeros(NUMBERS - 8)]
        self.weights[1::2] *= -1
        self.other = random.permutation(self.weights[:8])
        self.levels = np.array([random.normal(0, 0.4, LEVELS), random.normal(0, 0.3, LEVELS), *np.zeros((2, LEVELS))])
        self.shares = random.dirichlet(np.full(LEVELS, 5.0), CATEGORIES)
        self.weekdays = random.normal(0, _WEEKDAY, (7, NUMBERS))
        rows = self.rows(REFERENCE_ROWS, np.zeros(NUMBERS), self.shares, 0.0)
        self.reference = rows
        self.model = LogisticRegression(max_iter=300).fit(rows.inputs(), rows.late)

    def rows(
        self,
        count: int,
        means: np.ndarray,
        shares: np.ndarray,
        rate: float,
        change: Change | None = None,
        part: float = 1,
    ) -> Rows:
        random = self.random
        change = change or Change()
        common = random.normal(size=(count, 1))
        numbers = np.sqrt(0.3) * common + np.sqrt(0.7) * random.normal(size=(count, NUMBERS)) + means
        shares = shares.copy()
        if change.shares:
            shares[-1] = np.roll(np.sort(shares[-1]), 2)
        codes = np.column_stack([random.choice(LEVELS, count, p=row) for row in shares])
        for number, shift in change.shifts:
            numbers[:, number] += shift
        turn = change.turn * part
        weights = self.weights.copy()
        weights[:8] = (1 - turn) * weights[:8] + turn * self.other * np.sign(-self.weights[:8])
        effect = numbers @ weights + sum(self.levels[n][codes[:, n]] for n in range(CATEGORIES)) + rate
        late = random.random(count) < expit(effect)
        if change.broken is not None:
            numbers[:, change.broken] = random.permutation(numbers[:, change.broken])
        return Rows(numbers, codes, late)

    def day(self, number: int, change: Change | None = None, part: float = 1.0) -> Rows:
        """The rows of day ``number`` after the start, which is a Monday."""
        means, shares, rate = np.zeros(NUMBERS), self.shares, 0.0
        if self.seasonal:
            random = self.random
            means = self.weekdays[number % 7] + random.normal(0, _DAILY, NUMBERS)
            shares = shares * np.exp(random.normal(0, _SHARES, shares.shape))
            shares = shares / shares.sum(axis=1, keepdims=True)
            rate = float(random.normal(0, _RATE))
        return self.rows(ROWS, means, shares, rate, change, part)

    def scores(self, rows: Rows) -> np.ndarray:
        """The model's probability."""
        return expit(rows.inputs() @ self.model.coef_[0] + self.model.intercept_[0])

    def accuracy(self, change: Change, rows: int = 200_000) -> float:
        """Without a season, on many rows."""
        drawn = self.rows(rows, np.zeros(NUMBERS), self.shares, 0.0, change)
        return float(((self.scores(drawn) > 0.5) == drawn.late).mean())

    def turn_for(self, drop: float) -> float:
        """How far the relation must turn for the accuracy to fall by so much."""
        before, low, high = self.accuracy(Change()), 0.0, 1.0
        for _ in range(9):
            middle = (low + high) / 2
            low, high = (middle, high) if before - self.accuracy(Change(turn=middle)) < drop else (low, middle)
        return (low + high) / 2


def day_window(number: int) -> Window:
    """The instants of day ``number``."""
    return Window(START + number * DAY, START + (number + 1) * DAY)
