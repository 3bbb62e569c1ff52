# portable
from mcagent.upload.search import (
    CANARY,
    CONFIRM,
    DONE,
    PROBE,
    SEND,
    SET_ASIDE,
    UNPROVEN,
    Search,
)  # fmt: skip


class Gateway:
    """A lane of `size` records behind a platform that refuses the *bad* ones.

    *ill*: numbers of requests that it refuses whatever they carry, counted from the exchange that
    begins the search, which is 0.
    """

    def __init__(self, size, bad, *, refuse_all=False, canary=True, recently=False, ill=()):
        self.records = list(range(size))
        self.bad = bad
        self.refuse_all = refuse_all
        self.canary = canary
        self.recently = recently
        self.ill = ill
        self.delivered = []
        self.set_aside = []
        self.requests = 1  # the exchange that was refused

    def accepts(self, records):
        well = not self.refuse_all and self.requests not in self.ill
        self.requests += 1
        return well and not any(record in self.bad for record in records)

    def search(self, count, *, known=True, most=10):
        """Run one search; return how it ended."""
        search = Search(count, self.records[count - 1], known=known, most=most)
        while True:
            action, number = search.next()
            if action in (SEND, CONFIRM):
                part = self.records[:number]
                if self.accepts(part):
                    self.delivered += part
                    self.records = self.records[number:]
                    search.accepted(number)
                else:
                    search.refused(number, part[-1])
            elif action == PROBE:
                if number >= len(self.records):
                    search.nothing_behind(self.canary, self.recently or self.delivered != [])
                elif self.accepts([self.records[number]]):
                    search.accepted(1)
                    self.delivered.append(self.records.pop(number))
                else:
                    search.refused(1, self.records[number])
            elif action == CANARY:
                if self.accepts([]):
                    search.accepted(1)
                else:
                    search.refused(1, 0)
            elif action == SET_ASIDE:
                self.set_aside.append(self.records.pop(0))
                search.settled()
            else:
                return action


def fits(requests, size):
    """At most 2·log2(n) + 2 requests in all; a single record takes three."""
    return (size == 1 and requests <= 3) or 2 ** (requests - 2) <= size * size


def test_one_bad_record_is_found_wherever_it_is():
    """In at most 2·log2(n) + 2 requests, with a record behind the batch and without one."""
    for size in list(range(1, 66)) + [100, 1000, 10_000]:
        for bad in sorted({0, 1 % size, size // 3, size // 2, max(size - 2, 0), size - 1}):
            for behind in (0, 1):
                gateway = Gateway(size + behind, [bad], recently=True)
                ending = gateway.search(size)
                assert ending == DONE, (size, bad, behind)
                assert gateway.set_aside == [bad], (size, bad, behind)
                assert sorted(gateway.delivered) == gateway.delivered
                assert fits(gateway.requests, size), (size, bad, behind, gateway.requests)


def test_several_bad_records_side_by_side_are_found_in_order():
    gateway = Gateway(100, [40, 41, 42])
    assert gateway.search(100) == DONE
    assert gateway.set_aside == [40, 41, 42]
    assert gateway.delivered == [n for n in range(44) if n not in (40, 41, 42)]


def refused_first(size, bad, ill_from):
    """The exchange that begins the search: for a bad record in it, or because of the gateway."""
    return ill_from == 0 or any(record < size for record in bad)


def test_one_mistake_of_the_platform_costs_no_record():
    """Any one answer may be wrong: only what is really refused is set aside, wherever it is."""
    wrong = found = 0
    for size in (1, 2, 3, 4, 5, 8, 13):
        for behind in (0, 1, 3):
            for canary in (True, False):
                for bad in [[], [0], [size - 1], [size // 2], [0, size - 1], [size]]:
                    for mistake in range(14):
                        if not refused_first(size, bad, mistake):
                            continue
                        gateway = Gateway(
                            size + behind, bad, ill=(mistake,), recently=True, canary=canary
                        )
                        gateway.search(size)
                        wrong += sum(record not in bad for record in gateway.set_aside)
                        found += len(gateway.set_aside)
    assert wrong == 0
    assert found > 1000


def test_a_gateway_that_is_ill_for_a_while_costs_no_record():
    """From any request to any other, or for good: the same, and nothing that waits goes."""
    wrong = 0
    for size in (1, 2, 3, 4, 8, 13):
        for behind in (0, 1, 3):
            for canary in (True, False):
                for bad in [[], [0], [size - 1], [size // 2]]:
                    for began in range(12):
                        if not refused_first(size, bad, began):
                            continue
                        for ended in (began + 1, began + 2, began + 3, began + 6, 100):
                            gateway = Gateway(
                                size + behind,
                                bad,
                                ill=range(began, ended),
                                recently=True,
                                canary=canary,
                            )
                            gateway.search(size)
                            wrong += sum(record not in bad for record in gateway.set_aside)
    assert wrong == 0


def test_a_record_that_is_accepted_when_it_is_sent_once_more_is_delivered():
    """Of two that were refused one was a mistake."""
    gateway = Gateway(6, [1], ill=(0, 1, 2))
    assert gateway.search(2) == DONE
    assert (gateway.delivered, gateway.set_aside) == ([2, 0], [1])


def test_a_gateway_that_refuses_everything_proves_nothing():
    for size in (1, 2, 100):
        gateway = Gateway(size, [], refuse_all=True, recently=True)
        assert gateway.search(size) == UNPROVEN
        assert gateway.set_aside == []
        assert len(gateway.records) == size


def test_the_search_for_proof_is_bounded():
    gateway = Gateway(1000, [], refuse_all=True)
    assert gateway.search(1000, most=10) == UNPROVEN
    assert gateway.requests <= 1 + 10 + 11


def test_a_lone_record_needs_one_of_its_kind_accepted_lately():
    assert Gateway(1, [0], recently=False).search(1) == UNPROVEN
    assert Gateway(1, [0], recently=True, canary=True).search(1) == DONE


def test_lately_alone_is_no_proof():
    """The gateway may have turned since. Nothing waits behind that record, so it can wait, too."""
    gateway = Gateway(1, [], refuse_all=True, recently=True, canary=False)
    assert gateway.search(1) == UNPROVEN
    assert gateway.set_aside == []


def test_the_last_record_of_a_lane_is_proven_by_those_before_it():
    gateway = Gateway(100, [99])
    assert gateway.search(100) == DONE
    assert gateway.set_aside == [99]


def test_no_more_than_the_allowed_number_is_found_guilty():
    assert Gateway(10, [0, 1, 2]).search(10, most=2) == UNPROVEN
    assert Gateway(10, [0, 1]).search(10, most=2) == DONE


def test_suspects_that_are_accepted_end_the_search():
    """In an exchange of several lanes only one is at fault; a gateway may have recovered."""
    gateway = Gateway(8, [])
    assert gateway.search(8, known=False) == DONE
    assert gateway.requests == 2
    gateway = Gateway(8, [])
    assert gateway.search(8) == DONE
    assert gateway.delivered == list(range(8))
