"""What a soak found: counts, recovery after each fault, and whether all is as it should be."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import quantiles

from soak_faults import Fault
from soak_load import PATIENCE, Answer
from soak_memory import Growth
from soak_questions import Verdict

MOST_UNASKED = 0.05
"""Part of the requests that may be left unasked since too many are under way."""
CALM_SECONDS = 5.0
"""Seconds after a fault, or after recovery, from which on latency counts as undisturbed."""
_SHOWN = 5


@dataclass(frozen=True)
class Inflicted:
    """A fault that took place."""

    fault: Fault
    """What it was."""
    began: float
    """Moment by the monotonic clock."""
    ended: float
    """Moment when it was over, the store and the database being back."""


@dataclass(frozen=True)
class Aftermath:
    """What clients saw of a fault."""

    fault: Fault
    """What it was."""
    verdicts: Counter[Verdict]
    """Answers from its beginning to the next one's."""
    statuses: Counter[int]
    """Their HTTP statuses."""
    slowest: float
    """Seconds of the slowest answer."""
    recovery: float
    """Seconds from its end to the last answer that was not right, of those asked later."""


@dataclass
class Result:
    """A whole run."""

    capacity: float
    """Requests a second that the stack answers undisturbed."""
    rate: float
    """Requests a second that were asked."""
    begun: float
    """Moment when the load began."""
    ended: float
    """Moment when it ended."""
    answers: Sequence[Answer]
    """All answers."""
    unasked: int
    """Requests that were not asked since too many were under way."""
    inflicted: Sequence[Inflicted]
    """Faults in their order."""
    growth: Growth | None
    """Memory of the worker that lived longest."""
    catalog: tuple[str, str]
    """Hash of the catalog before and after."""
    damaged: Sequence[str] = ()
    """What `worldstrat verify` found at the end."""
    failed: list[str] = field(default_factory=list)
    """Faults that could not be inflicted, and why."""

    @property
    def verdicts(self) -> Counter[Verdict]:
        """Answers by what they are worth."""
        return Counter(answer.verdict for answer in self.answers)

    @property
    def statuses(self) -> Counter[int]:
        """Answers by HTTP status; 0 is no answer."""
        return Counter(answer.status for answer in self.answers)

    def aftermaths(self) -> list[Aftermath]:
        """Return what clients saw of each fault."""
        begins = [one.began for one in self.inflicted] + [self.ended + PATIENCE]
        return [self._aftermath(one, end) for one, end in zip(self.inflicted, begins[1:], strict=True)]

    def calm(self) -> list[float]:
        """Return the latencies, in milliseconds, of answers that no fault could have touched."""
        afters = zip(self.inflicted, self.aftermaths(), strict=True)
        spans = [(one.began - PATIENCE / 4, one.ended + after.recovery + CALM_SECONDS) for one, after in afters]
        return [
            (answer.ended - answer.due) * 1000
            for answer in self.answers
            if not any(begin <= answer.due <= end for begin, end in spans)
        ]

    def percentile(self, percent: int) -> float:
        """Return a percentile of the undisturbed latencies, in milliseconds."""
        calm = self.calm()
        return quantiles(calm, n=100)[percent - 1] if len(calm) > 1 else float("nan")

    def problems(self) -> list[str]:
        """Return all that is not as it should be; nothing where the soak was passed."""
        found = [*self.failed]
        found += [
            f"{self.verdicts[verdict]} answers {verdict}: {self._examples(verdict)}"
            for verdict in (Verdict.WRONG, Verdict.UNCLEAR, Verdict.HUNG)
            if self.verdicts[verdict]
        ]
        if cut := self._cut_for_nothing():
            found.append(f"{len(cut)} answers cut off though no process was killed: {cut[0].told}")
        if self.catalog[0] != self.catalog[1]:
            found.append("the catalog is another than before: items were lost or changed")
        found += [f"verify: {one}" for one in self.damaged]
        if self.growth is not None and not self.growth.is_flat:
            found.append(f"the oldest worker's memory grew by {self.growth.ratio - 1:.0%}")
        found += [
            f"{after.fault.name}: recovered after {after.recovery:.1f} s, not within {after.fault.recovery:g} s"
            for after in self.aftermaths()
            if after.recovery > after.fault.recovery
        ]
        if self.unasked > MOST_UNASKED * len(self.answers):
            found.append(f"{self.unasked} requests could not be asked")
        return found

    def _aftermath(self, one: Inflicted, end: float) -> Aftermath:
        seen = [answer for answer in self.answers if one.began <= answer.ended and answer.due < end]
        # What was under way when the next fault began is that one's.
        after = [answer for answer in seen if answer.due >= one.ended and answer.ended < end]
        late = [answer.ended for answer in after if answer.verdict is not Verdict.RIGHT]
        return Aftermath(
            one.fault,
            Counter(answer.verdict for answer in seen),
            Counter(answer.status for answer in seen),
            max((answer.ended - answer.due for answer in seen), default=0.0),
            max((ended - one.ended for ended in late), default=0.0),
        )

    def _cut_for_nothing(self) -> list[Answer]:
        """Return answers that ended in the middle though the process that made them lived."""
        excuses = [(one.began - PATIENCE, one.ended + one.fault.recovery) for one in self.inflicted if one.fault.cuts]
        return [
            answer
            for answer in self.answers
            if answer.verdict is Verdict.CUT and not any(begin <= answer.ended <= end for begin, end in excuses)
        ]

    def _examples(self, verdict: Verdict) -> str:
        told = dict.fromkeys(f"{answer.status} {answer.told}" for answer in self.answers if answer.verdict is verdict)
        return "; ".join(list(told)[:_SHOWN])
