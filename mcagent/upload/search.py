"""Find the record that makes the platform refuse a batch, and prove it. Pure: no I/O here.

Halves from the front: what is accepted is delivered and gone, what is refused shrinks, until one
record is refused alone. That alone proves nothing, because a gateway in trouble refuses
everything. So the record behind it is sent alone, too: once one of its kind is accepted *after*
the refusal, the refused ones were at fault.
"""

# What to do next, with its number:
SEND = "send"  # send that many records from the front of the lane
PROBE = "probe"  # leave that many at the front out, send only the one behind them
CANARY = "canary"  # nothing is behind them: send a record again that was accepted before
SET_ASIDE = "set aside"  # that many at the front are proven to be refused for themselves
UNPROVEN = "unproven"  # nothing is accepted at all: hold the lane
DONE = "done"  # nothing is refused any more


class Search:
    """One search in one lane. Ask `next`, do it, report; repeat.

    Args:
        count: How many records, from the front of the lane, are suspected.
        last: Sequence number of the last of them: nothing beyond it is suspected.
        known: They were refused together and without others; otherwise that is tried first.
        most: How many records may be found guilty.

    A batch of n records needs at most log2(n) + 2 requests after the one that was refused.
    """

    def __init__(self, count: int, last: int, *, known: bool, most: int) -> None:
        self.last = last
        self._count = count
        self._known = known
        self._most = most
        self._refused_alone = 1 if known and count == 1 else 0
        self._accepted = False
        self._verdict = ""

    def next(self) -> "tuple[str, int]":
        """What to do now, and with how many records."""
        if self._refused_alone > self._most:
            return UNPROVEN, self._refused_alone
        if self._verdict:
            return self._verdict, self._refused_alone
        if self._refused_alone:
            return PROBE, self._refused_alone
        if self._count <= 0:
            return DONE, 0
        return SEND, self._count if self._count == 1 or not self._known else self._count // 2

    def accepted(self, count: int) -> None:
        """What `next` asked for was accepted, *count* records."""
        self._accepted = True
        if self._refused_alone:
            self._verdict = SET_ASIDE
        else:
            self._count -= count

    def refused(self, count: int, last: int) -> None:
        """What `next` asked for was refused, *count* records up to sequence *last*."""
        self.last = last
        if self._verdict == CANARY:
            self._verdict = UNPROVEN
        elif count == 1 or self._refused_alone:
            self._refused_alone += 1
        else:
            self._count = count
            self._known = True

    def nothing_behind(self, canary: bool, recently: bool) -> None:
        """`PROBE` was not possible: no record of this kind stands behind the refused ones.

        Args:
            canary: A record that was accepted before can be sent again.
            recently: One of this kind was accepted within the last hour.
        """
        if self._accepted:
            self._verdict = SET_ASIDE
        elif recently:
            self._verdict = CANARY if canary else SET_ASIDE
        else:
            self._verdict = UNPROVEN
