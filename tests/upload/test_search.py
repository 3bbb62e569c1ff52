# portable
from mcagent.upload.search import (
    CANARY,
    DONE,
    PROBE,
    SEND,
    SET_ASIDE,
    UNPROVEN,
    Search,
)  # fmt: skip


class Gateway:
    """A lane of `size` records behind a platform that refuses the *bad* ones."""

    def __init__(self, size, bad, *, refuse_all=False, canary=True, recently=False):
        self.records = list(range(size))
        self.bad = bad
        self.refuse_all = refuse_all
        self.canary = canary
        self.recently = recently
        self.delivered = []
        self.set_aside = []
        self.requests = 0

    def accepts(self, records):
        self.requests += 1
        return not self.refuse_all and not any(record in self.bad for record in records)

    def search(self, count, *, known=True, most=10):
        """Run one search; return how it ended."""
        search = Search(count, self.records[count - 1], known=known, most=most)
        while True:
            action, number = search.next()
            if action == SEND:
                part = self.records[:number]
                if self.accepts(part):
                    self.delivered += part
                    self.records = self.records[number:]
                    search.accepted(number)
                else:
                    search.refused(number, part[-1])
            elif action == PROBE:
                if number >= len(self.records):
                    search.nothing_behind(self.canary, self.recently)
                elif self.accepts([self.records[number]]):
                    search.accepted(1)
                    self.delivered.append(self.records.pop(number))
                else:
                    search.refused(1, self.records[number])
            elif action == CANARY:
                self.requests += 1
                if self.refuse_all:
                    search.refused(1, 0)
                else:
                    search.accepted(1)
            else:
                if action == SET_ASIDE:
                    self.set_aside += self.records[:number]
                    self.records = self.records[number:]
                return action


def log2(number):
    result = 0
    while number > 1:
        number = (number + 1) // 2
        result += 1
    return result


def test_one_bad_record_is_found_wherever_it_is():
    for size in (2, 3, 4, 5, 7, 8, 31, 100, 1000):
        for bad in (0, 1, size // 2, size - 2, size - 1):
            gateway = Gateway(size + 1, [bad])
            ending = gateway.search(size)
            assert ending == SET_ASIDE, (size, bad)
            assert gateway.set_aside == [bad]
            assert gateway.delivered == [n for n in range(len(gateway.delivered) + 1) if n != bad]
            # the one that was refused, and the search
            assert 1 + gateway.requests <= 2 * log2(size) + 2, (size, bad, gateway.requests)


def test_several_bad_records_side_by_side_are_found_in_order():
    gateway = Gateway(100, [40, 41, 42])
    assert gateway.search(100) == SET_ASIDE
    assert gateway.set_aside == [40, 41, 42]
    assert gateway.delivered == [n for n in range(44) if n not in (40, 41, 42)]


def test_a_gateway_that_refuses_everything_proves_nothing():
    for size in (1, 2, 100):
        gateway = Gateway(size, [], refuse_all=True, recently=True)
        assert gateway.search(size) == UNPROVEN
        assert gateway.set_aside == []
        assert len(gateway.records) == size


def test_the_search_for_proof_is_bounded():
    gateway = Gateway(1000, [], refuse_all=True)
    assert gateway.search(1000, most=10) == UNPROVEN
    assert gateway.requests <= log2(1000) + 11


def test_a_lone_record_needs_one_of_its_kind_accepted_lately():
    assert Gateway(1, [0], recently=False).search(1) == UNPROVEN
    assert Gateway(1, [0], recently=True, canary=True).search(1) == SET_ASIDE
    assert Gateway(1, [0], recently=True, canary=False).search(1) == SET_ASIDE


def test_the_last_record_of_a_lane_is_proven_by_those_before_it():
    gateway = Gateway(100, [99])
    assert gateway.search(100) == SET_ASIDE
    assert gateway.set_aside == [99]


def test_no_more_than_the_allowed_number_is_found_guilty():
    assert Gateway(10, [0, 1, 2]).search(10, most=2) == UNPROVEN
    assert Gateway(10, [0, 1]).search(10, most=2) == SET_ASIDE


def test_suspects_that_are_accepted_end_the_search():
    """In an exchange of several lanes only one is at fault; a gateway may have recovered."""
    gateway = Gateway(8, [])
    assert gateway.search(8, known=False) == DONE
    assert gateway.requests == 1
    gateway = Gateway(8, [])
    assert gateway.search(8) == DONE
    assert gateway.delivered == list(range(8))
