"""What comes after a cut may be cut, too: the life of the next process, and its end.

`killed` continues on what a killed process left in the page cache, `cut_again` on what a power cut
left; both end in a power cut somewhere in the new process's own operations.
"""

from tests.buffer.memoryfs import FakeClock
from tests.crash.disk import Disk
from tests.crash.driver import DIRECTORY, Driver, seed_randomness
from tests.crash.ledger import Ledger
from tests.crash.oracle import judge

_SECOND_SEED = 78
_KINDS = {"models": 4, "events": 2, "timeseries": 1}


class SecondLife(Driver):
    """A process that recovers what another one left, and works for a while."""

    def __init__(self, image, known, settings):
        seed_randomness(_SECOND_SEED)
        clock = FakeClock(1_767_650_000_000)
        clock.boot = b"a second life..."
        super().__init__(image, clock, settings, Ledger())
        for lane, facts in known.lanes.items():
            self.ledger.sequences.update({(lane, token): n for token, n in facts.put.items()})
            self.held[lane] = {n: t for n, t in facts.durable.items() if n not in facts.gone}

    def tell(self, *, sends_first):
        self.open()
        status = self.buffer.status()
        for lane, fields in dict(status["lanes"], rejected=status["rejected"]).items():
            for reason, loss in fields["dropped"].items():
                # Opening syncs the cursor, so what it counts stays counted.
                self.lost[lane, reason] = loss["records"]
                self.ledger.going_to_count(-1, lane, reason, loss["records"])
                self.ledger.counted(len(self.fs.log), lane, reason, loss["records"])
        if sends_first:
            # What is handed out was in the page cache a moment ago; nothing new syncs it.
            for lane in self.held:
                if lane != "rejected":
                    self.cut(lane, 1000)
            self.send("events", 2)
        for lane in ("timeseries", "events"):
            self.put(lane, b"second life " + lane.encode(), kind=_KINDS[lane], durable=True)
        batch = self.cut("timeseries", 6)
        self.put_file(b"second life" * 30)
        self.put("models", b"second model", kind=4)
        for number in range(5):
            self.put("timeseries", b"second life %d" % number)
        self.ack(batch)
        for lane in ("events", "files", "models", "timeseries"):
            self.send(lane, 3)
        if self.buffer.first_record("events") is not None:
            self.set_aside("events")
        self.put("events", b"second life ends", kind=2)
        self.buffer.close()
        return self


def killed(disk, known, settings, generator, count):
    """Power cuts in the life after a kill, *count* of them, as `Cut`s."""
    image, after = disk.killed()
    known = known.of_the_next()
    if disk.doubts(DIRECTORY + "/cursor"):
        # Its sync had failed, and the next process reads from the page cache what the medium
        # never got: the one case where a delivered record may come again and a loss be forgotten.
        for facts in known.lanes.values():
            facts.gone, facts.least = {}, {}
    life = SecondLife(image, known, settings)
    # The same with a record: its sync failed, the kill came before it was cut back, so its writer
    # heard nothing; the next process finds it in the page cache, and no sync can make it last.
    for lane, facts in known.lanes.items():
        if any(disk.doubts(path) for path in image.entries if f"/{lane}/" in path):
            durable = set(facts.durable.values())
            life.doubtful |= {(lane, token) for token in facts.put if token not in durable}
    life.tell(sends_first=generator.random() < 0.5)
    return _cuts(after, life, known, generator, count)


def cut_again(choices, number, known, settings, generator, count):
    """The same for the life after a power cut, which left the state *number* of *choices*."""
    known = known.of_the_next()
    image = choices.image(number)
    image.remember = True
    disk = Disk(image)
    life = SecondLife(image, known, settings).tell(sends_first=generator.random() < 0.5)
    for cut in _cuts(disk, life, known, generator, count):
        cut.undone_bytes += choices.undone_bytes
        yield cut


class Cut:
    """One state in a second life; `judge` recovers and judges it.

    Attributes:
        place: Operations of the second life before the cut; `number`: which of the `choices`.
    """

    def __init__(self, place, number, choices, known, settings):
        self.place = place
        self.number = number
        self.choices = choices
        self.undone_bytes = choices.undone_bytes
        self._known = known
        self._settings = settings

    def judge(self):
        image = self.choices.image(self.number)
        judge(image, self._known, self._settings, self.undone_bytes)


def _cuts(disk, life, known, generator, count):
    log = life.fs.log
    done = 0
    for place in sorted(generator.randrange(len(log) + 1) for _ in range(count)):
        while done < place:
            disk.apply(log[done])
            done += 1
        choices = disk.choices()
        later = life.ledger.knowledge(place, before=known)
        number = generator.choice([choices.all_lost, generator.randrange(len(choices))])
        yield Cut(place, number, choices, later, life.settings)
