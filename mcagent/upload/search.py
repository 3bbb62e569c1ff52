"""Find the record that makes the platform refuse a batch, and prove it. Pure: no I/O here.

Halves from the front: what is accepted is delivered and gone, what is refused shrinks, until one
record is refused alone. That alone proves nothing: a gateway in trouble refuses everything, and
any answer may be a mistake. Proven is refused, then another one accepted, then refused again.
"""

# What to do next, with its number:
SEND = "send"  # send that many records from the front of the lane
PROBE = "probe"  # leave that many at the front out, send only the one behind them
CANARY = "canary"  # nothing is behind them: send a record again that was accepted before
CONFIRM = "confirm"  # something else passes: send the one at the front alone, once more
SET_ASIDE = "set aside"  # the one at the front is proven to be refused for itself
UNPROVEN = "unproven"  # nothing is accepted at all: hold the lane
DONE = "done"  # nothing is refused any more


class Search:
    """One search in one lane. Ask `next`, do it, report; repeat.

    Args:
        count: How many records, from the front of the lane, are suspected.
        last: Sequence number of the last of them: nothing beyond it is suspected.
        known: They were refused together and without others; otherwise that is tried first.
        most: How many records may be found guilty.

    One bad record among n costs at most 2·log2(n) + 2 requests, the refused one included; a single
    one (n = 1) three.
    """

    def __init__(self, count: int, last: int, *, known: bool, most: int) -> None:
        self.last = last
        self._count = count
        self._known = known
        self._most = most
        self._alone = 1 if known and count == 1 else 0  # at the front: each was refused alone
        self._passed = False  # something was accepted since the suspected ones were refused
        self._twice = False  # refused with others that were accepted since, then alone
        self._step = ""

    def next(self) -> "tuple[str, int]":
        """What to do now, and with how many records."""
        if self._alone > self._most:
            return UNPROVEN, self._alone
        if self._step:
            return self._step, 1
        if self._alone:
            return PROBE, self._alone
        if self._count <= 0:
            return DONE, 0
        return SEND, self._count if self._count == 1 or not self._known else self._count // 2

    def accepted(self, count: int) -> None:
        """What `next` asked for was accepted, *count* records."""
        if self._step == CONFIRM:
            self._next_suspect()  # the refusal was a mistake
        elif self._alone:
            self._step = SET_ASIDE if self._proven else CONFIRM
        else:
            self._count -= count
            self._passed = True

    def refused(self, count: int, last: int) -> None:
        """What `next` asked for was refused, *count* records up to sequence *last*."""
        self.last = last
        if self._step == CANARY:
            self._step = UNPROVEN
        elif self._step == CONFIRM:
            self._step = SET_ASIDE
        elif count == 1 or self._alone:
            self._twice = not self._alone and self._count == 1 and self._known and self._passed
            self._alone += 1
        else:
            self._count = count
            self._known = True
            self._passed = False

    def settled(self) -> None:
        """The one at the front was set aside."""
        self._next_suspect()

    def nothing_behind(self, canary: bool, recently: bool) -> None:
        """`PROBE` was not possible: no record of this kind stands behind the refused ones.

        Args:
            canary: A record that was accepted before can be sent again.
            recently: One of this kind was accepted within the last hour. That alone is no proof:
                the gateway may have turned since.
        """
        if self._proven:
            self._step = SET_ASIDE
        else:
            self._step = CANARY if canary and recently else UNPROVEN

    @property
    def _proven(self) -> bool:
        return self._twice and self._alone == 1

    def _next_suspect(self) -> None:
        self._alone -= 1
        self._step = CONFIRM if self._alone else DONE
