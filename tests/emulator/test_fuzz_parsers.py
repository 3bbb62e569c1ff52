"""A sample of what `tox -e fuzz` tries for longer: no parser fails, or is slow, on damaged input."""

import time

import pytest

from .fuzz_targets import NEVER, TARGETS, inputs

_INPUTS = 400


def go_through(name, target):
    slowest = 0
    for data in inputs(name, _INPUTS):
        begun = time.process_time()
        try:
            target(data)
        except Exception as error:
            raise AssertionError(f"{name} fails on {data!r}") from error
        slowest = max(slowest, time.process_time() - begun)
    assert slowest < 1


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_read_or_refused(name):
    go_through(name, TARGETS[name][0])


@pytest.mark.parametrize("name", TARGETS)
def test_the_inputs_that_are_damaged_are_good_as_they_stand(name):
    """Promise: what the fuzzer begins from reaches behind the first check, and then is damaged."""
    target, seeds = TARGETS[name]
    assert [target(seed) for seed in seeds] == [name not in NEVER] * len(seeds)
    assert not all(target(data) for data in inputs(name, _INPUTS))


@pytest.mark.parametrize("name", TARGETS)
def test_a_parser_that_failed_would_be_seen(name):
    """A bug that only shows behind the first bytes is planted in each."""
    seed = TARGETS[name][1][0]

    def planted(data):
        if data[:4] == seed[:4] and len(data) > len(seed):
            raise KeyError(data)

    with pytest.raises(AssertionError, match="fails on"):
        go_through(name, planted)
