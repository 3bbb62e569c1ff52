"""Waiting that ends early for news: something was recorded, or the link is said to be back."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable

    from ..buffer import Buffer
    from ..runtime import Clock
    from .dispatch import Dispatch

NAP_MS = 1000


def nap(
    wait_ms: int,
    buffer: "Buffer",
    dispatch: "Dispatch",
    clock: "Clock",
    sleep_ms: "Callable[[int], None]",
) -> None:
    """Sleep *wait_ms*, and look up once a second: the looking is cheap, a piece of work is not."""
    if not wait_ms:
        return
    until_ms = clock.monotonic_ms() + wait_ms
    recorded = [buffer.next_sequence(lane) for lane in dispatch.lanes]
    while wait_ms > 0:
        sleep_ms(min(wait_ms, NAP_MS))
        if dispatch.link_is_back or recorded != [
            buffer.next_sequence(lane) for lane in dispatch.lanes
        ]:
            return
        wait_ms = until_ms - clock.monotonic_ms()
