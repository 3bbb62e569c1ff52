"""The states of a story, checked: all of them, or a sample that is drawn with a seed."""

import random
import time
from itertools import islice

from tests.crash import lives
from tests.crash.disk import Disk
from tests.crash.driver import Violation
from tests.crash.oracle import judge
from tests.crash.story import SEED, Story

# Of each cut, how many power cuts are tried in the life after a kill there.
KILLS = 2
_CUTS_AGAIN = 2
_SHARE_CUT_AGAIN = 0.01
_SHARE_KILLED = 0.2  # of the cuts, where states are drawn
_LAST_OPERATIONS = 6


class Result:
    """Attributes:
    operations: Length of the story's log; `prefixes` of it that were looked at.
    generated, distinct: States that were built, and those that differ from all others.
    second: States of second lives (after a kill, or cut again), not in `distinct`.
    violations: (kind, prefix, state, text).
    """

    def __init__(self):
        self.operations = {}
        self.generated = 0
        self.distinct = 0
        self.second = 0
        self.violations = []
        self.seconds = 0.0

    def add(self, other):
        self.operations.update(other.operations)
        self.generated += other.generated
        self.distinct += other.distinct
        self.second += other.second
        self.violations += other.violations
        self.seconds += other.seconds
        return self

    def __str__(self):
        return (
            f"{self.generated} generated, {self.distinct} distinct, {self.second} of second lives, "
            f"{len(self.violations)} violations"
        )


class Enumeration:
    """The states of one story.

    Args:
        kind: See `story.KINDS`.
        seed: Of the names in the story, of samples, and of second lives.
    """

    def __init__(self, kind="plain", seed=SEED):
        self.kind = kind
        self.seed = seed
        self.story = Story(kind, seed).tell()
        self.log = self.story.fs.log

    def cuts(self, lengths=None):
        """(length, its `Choices`, what is known) of each cut, in order."""
        wanted = None if lengths is None else set(lengths)
        disk = Disk()
        for length in range(len(self.log) + 1):
            if length:
                disk.apply(self.log[length - 1])
            if wanted is None or length in wanted:
                yield length, disk.choices(), self.story.ledger.knowledge(length)

    def count(self):
        """How many states each cut has."""
        return [len(choices) for _length, choices, _known in self.cuts()]

    def check_all(self, lengths=None, *, share=1.0, stop_at=None):
        """Every state of these cuts, or this share of them; then kills and second cuts.

        Args:
            lengths: Which cuts; None for all.
            share: 1 for every state; less draws that share of them.
            stop_at: Stop after so many violations.
        """
        result = Result()
        result.operations[self.kind] = len(self.log)
        began = time.perf_counter()
        for length, choices, known in self.cuts(lengths):
            generator = random.Random(f"{self.seed} {self.kind} {length}")
            for number in self._new_states(length, choices, share, generator, result):
                self._try(result, length, choices, number, known)
                if generator.random() < _SHARE_CUT_AGAIN:
                    again = random.Random(generator.random())
                    self._second(
                        result,
                        length,
                        f"{number} again",
                        lambda c=choices, n=number, k=known, g=again: lives.cut_again(
                            c, n, k, self.story.settings, g, _CUTS_AGAIN
                        ),
                    )
                if stop_at is not None and len(result.violations) >= stop_at:
                    return result
            kills = KILLS if share == 1 else int(generator.random() < _SHARE_KILLED)
            if kills:
                self._second(
                    result,
                    length,
                    "kill",
                    lambda c=choices, k=known, g=generator, n=kills: lives.killed(
                        c.disk, k, self.story.settings, g, n
                    ),
                )
            if stop_at is not None and len(result.violations) >= stop_at:
                return result
        result.seconds = time.perf_counter() - began
        return result

    def _new_states(self, length, choices, share, generator, result):
        """Numbers of states that differ from those before them."""
        total = len(choices)
        numbers = range(total)
        if share < 1:
            # At least the state in which nothing that was not synced is left.
            wanted = int(total * share + generator.random())
            numbers = sorted({choices.all_lost, *generator.sample(range(total), wanted)})
        seen = set()
        for number in numbers:
            result.generated += 1
            digest = choices.digest(number)
            if digest not in seen:
                seen.add(digest)
                result.distinct += 1
                yield number

    def _try(self, result, length, choices, number, known):
        try:
            judge(choices.image(number), known, self.story.settings, choices.undone_bytes)
        except Violation as violation:
            lines = [str(violation), *choices.describe(number)]
            self._note(result, length, str(number), lines)

    def _second(self, result, length, name, cuts):
        cut = None
        try:
            for cut in cuts():
                result.second += 1
                cut.judge()
        except Exception as violation:
            # A second life is a run like any other: whatever it raises is wrong.
            lines = [str(violation) if isinstance(violation, Violation) else repr(violation)]
            if cut is not None:
                lines += [f"second cut after {cut.place}", *cut.choices.describe(cut.number)]
            self._note(result, length, name, lines)

    def _note(self, result, length, name, lines):
        last = self.log[max(0, length - _LAST_OPERATIONS) : length]
        lines.append("after " + ", ".join([operation[0] for operation in last]))
        result.violations.append((self.kind, length, name, "\n    ".join(lines)))

    def check_one(self, length, name):
        """Judge one state again, by the name that a report gave it; its `Result`."""
        result = Result()
        result.operations[self.kind] = len(self.log)
        for _length, choices, known in self.cuts([length]):
            if name.isdigit():
                result.generated += 1
                self._try(result, length, choices, int(name), known)
            else:
                return self.check_all([length])
        return result


def report(result, most=10):
    """The violations, each with the command that shows it again."""
    lines = []
    for kind, length, name, text in islice(result.violations, most):
        lines.append(f"{kind}, cut after {length} operations, state {name}: {text}")
        lines.append(f'  python -m tests.crash --kind "{kind}" --cut {length} --state "{name}"')
    if len(result.violations) > most:
        lines.append(f"and {len(result.violations) - most} more")
    return "\n".join(lines)
