"""Work of many steps that ends in the middle says how far it came."""

from contextlib import contextmanager

from .exits import complain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Iterator, Sequence, TypeVar

    T = TypeVar("T")
    R = TypeVar("R")

_NAMED = 10


@contextmanager
def told_when_interrupted(words: "Callable[[], tuple[str, str]]") -> "Iterator[None]":
    """On Ctrl-C print what *words* gives then: what was done, and what to do."""
    try:
        yield
    except KeyboardInterrupt:
        complain(*words())
        raise


def one_by_one(items: "Sequence[T]", work: "Callable[[T], R]", verb: str) -> "list[R]":
    """Do *work* with each item; an error or Ctrl-C after the first says which were done.

    Args:
        items: Their texts are shown.
        work: Its results are returned.
        verb: What was done with them: "deleted".
    """
    done: "list[R]" = []
    try:
        for item in items:
            done.append(work(item))
    finally:
        if done and len(done) < len(items):
            named = ", ".join(map(str, items[: len(done)][:_NAMED]))
            more = f" and {len(done) - _NAMED} more" if len(done) > _NAMED else ""
            complain(f"{verb} before it ended: {len(done)} of {len(items)}: {named}{more}")
    return done
