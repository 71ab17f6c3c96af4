"""Figures as ratios: everybody takes a turn in each round, and what is compared was measured in the same round."""
import statistics
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Target:
    """One contestant's figure, as a multiple of another's."""
    what: str                       # "rate" or "cpu_us", of a Sample
    of: str
    to: str
    limit: float                    # None: it is for comparison
    at_most: bool = False
    source: str = ""                # what the figure is a promise of, or shows

    def ratios(self, samples):
        return [getattr(a, self.what) / getattr(b, self.what) for a, b in zip(samples[self.of], samples[self.to])]


@dataclass
class Bound:
    """A figure that is no ratio."""
    text: str
    value: float
    limit: float
    unit: str

    @property
    def met(self):
        return self.value <= self.limit


@dataclass
class Result:
    name: str
    title: str
    unit: str                       # "commits" or "rows"
    note: str = ""
    samples: dict = field(default_factory=dict)
    targets: list = field(default_factory=list)
    bounds: list = field(default_factory=list)
    curves: dict = field(default_factory=dict)      # name: [(seconds, MB)]

    def median(self, name, what="rate"):
        return statistics.median(getattr(sample, what) for sample in self.samples[name])


def take_turns(result, contestants: dict[str, Callable], rounds, warm_up=True):
    """Runs each contestant once in each round, beginning with another one each time."""
    names = list(contestants)
    if warm_up:
        for name in names:
            contestants[name]()
    result.samples = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            result.samples[name].append(contestants[name]())
    return result
