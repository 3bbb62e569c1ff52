"""What a run was told: the facts that a power cut must respect, each with its place in the log.

A fact is known from a return value or a receipt at the time of the run. The ledger never asks a
buffer that was recovered.
"""


class Ledger:
    """Facts of one run, in the order in which they became known.

    `put(start, lane, payload)`, then `stored(lane, payload, sequence)` or `refused(end, …)`;
    `durable(end, lane, sequence)` once something said so; `going(start, lane, sequences, how)` when
    a call begins that may take records away and `gone(end, …)` when it has returned;
    `going_to_count` and `counted` say the same of losses: how many records, in all.
    """

    def __init__(self):
        self.facts = []  # (place in the log, what, ...)
        self.sequences = {}  # (lane, payload) -> number, from the return value

    def put(self, start, lane, payload):
        assert self.sequences.get((lane, payload)) is None, "a stored payload is used once"
        self.sequences[lane, payload] = None
        self.facts.append((start, "put", lane, payload))

    def stored(self, lane, payload, sequence):
        self.sequences[lane, payload] = sequence

    def refused(self, end, lane, payload):
        self.facts.append((end, "refused", lane, payload))

    def durable(self, end, lane, payload):
        self.facts.append((end, "durable", lane, payload))

    def going(self, start, lane, sequences, how):
        self.facts.append((start, "going", lane, tuple(sequences), how))

    def gone(self, end, lane, sequences, how):
        self.facts.append((end, "gone", lane, tuple(sequences), how))

    def going_to_count(self, start, lane, reason, records):
        self.facts.append((start, "counting", lane, reason, records))

    def counted(self, end, lane, reason, records):
        self.facts.append((end, "counted", lane, reason, records))

    def knowledge(self, length, before=None):
        """What holds when the power is cut after *length* operations."""
        known = before.copy() if before is not None else Knowledge()
        begun = ("put", "going", "counting")
        for fact in self.facts:
            place, what = fact[:2]
            # A call that began here and did nothing yet has changed nothing.
            if place > length or (place == length and what in begun):
                continue
            known.learn(what, *fact[2:], sequences=self.sequences)
        return known


class LaneKnowledge:
    """Attributes:
    put: Every payload that was ever given, to its number (None where none was returned).
    refused: Payloads whose call raised, while nothing was stored after them.
    durable: Number to payload of what was reported durable.
    going: Numbers that a call may have taken away, to how. `gone`: those it surely did.
    least, most: Reason to records that are counted as lost, surely and at most.
    """

    def __init__(self):
        self.put = {}
        self.refused = set()
        self.durable = {}
        self.going = {}
        self.gone = {}
        self.least = {}
        self.most = {}

    def copy(self):
        other = LaneKnowledge()
        other.put = dict(self.put)
        other.refused = set(self.refused)
        other.durable = dict(self.durable)
        other.going = dict(self.going)
        other.gone = dict(self.gone)
        other.least = dict(self.least)
        other.most = dict(self.most)
        return other


class Knowledge:
    """What the oracle knows: `lanes`, name to `LaneKnowledge`."""

    def __init__(self):
        self.lanes = {}

    def copy(self):
        other = Knowledge()
        other.lanes = {name: lane.copy() for name, lane in self.lanes.items()}
        return other

    def of_the_next(self):
        """The same for a process that comes after: what was refused may have been found by it."""
        other = self.copy()
        for facts in other.lanes.values():
            facts.refused = set()
        return other

    def lane(self, name):
        if name not in self.lanes:
            self.lanes[name] = LaneKnowledge()
        return self.lanes[name]

    def learn(self, what, lane_name, *fact, sequences):
        lane = self.lane(lane_name)
        if what == "put":
            lane.put[fact[0]] = sequences[lane_name, fact[0]]
            lane.refused.discard(fact[0])
        elif what == "refused":
            lane.refused.add(fact[0])
        elif what == "durable":
            sequence = sequences[lane_name, fact[0]]
            if lane.durable.get(sequence, fact[0]) != fact[0]:
                raise ValueError(f"{lane_name} {sequence} was given to two durable records")
            lane.durable[sequence] = fact[0]
            if sequence not in lane.gone:
                lane.going.pop(sequence, None)  # whatever tried to take it away did not
            # What was refused stood behind the durable end: now something else stands there.
            for payload in lane.refused:
                lane.put.pop(payload, None)
            lane.refused = set()
        elif what in ("going", "gone"):
            target = lane.going if what == "going" else lane.gone
            target.update(dict.fromkeys(fact[0], fact[1]))
        else:
            target = lane.most if what == "counting" else lane.least
            target[fact[0]] = max(target.get(fact[0], 0), fact[1])
