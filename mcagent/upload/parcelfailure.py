"""What becomes of a parcel that the file service did not take: its lane waits. CPython only."""

from ..buffer.settings import BLOCK_BYTES
from ..runtime import log
from . import outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .dispatch import Dispatch
    from .exchange import Answer
    from .load import Load
    from .parcel import Parcel

_DAY_MS = 86_400_000
_SLOW = (
    "a part of %d bytes did not pass in %d s, and smaller ones are not taken: %s. It needs a "
    "faster link; files of less than 10 MB go another way"
)
_SHORT = (
    ". A part of a file, %d bytes, passes whole or not at all: over this link, upload() needs a "
    "longer timeout_s for it"
)
_NO_ROOM = (
    "It stays here and holds its lane: to set it aside, the store `rejected` needs a quota of %d "
    "bytes"
)


def parcel_failed(
    dispatch: "Dispatch", load: "Load", parcel: "Parcel", answer: "Answer", now_ms: int
) -> int:
    """Act on *answer*; return how long everything has to wait.

    What the file service refuses, or does not answer, keeps no other lane back.
    """
    state, row, poison = dispatch.lanes["files"], answer.row, dispatch.poison
    # What does not fit into the store of refused records would lose its content there: in half
    # of it, in whole blocks.
    store_bytes = 2 * (parcel.details["size"] + BLOCK_BYTES)
    fits = store_bytes <= dispatch.rejected_quota_bytes()
    may_search = fits and not poison.searching
    late = dispatch.died_by_time(answer)
    if late and parcel.length:
        dispatch.limit.too_slow(parcel.length, dispatch.took_ms)
    if late and answer.kind == "timeout":  # our own patience, or the caller's
        if parcel.length and dispatch.deadline_ms is not None:
            answer.reason += _SHORT % parcel.length
        return dispatch.late(load, answer, now_ms)
    if late and parcel.length:
        share_ms = dispatch.others_share_ms() << min(dispatch.files.deaths, 10)
        dispatch.files.deaths += 1
        words = _SLOW % (parcel.length, dispatch.took_ms // 1000, answer.reason)
        state.wait(words, now_ms + min(share_ms, _DAY_MS))
        return 0
    if answer.kind != "body" and row.cap_ms == outcome.LINK_CAP_MS:
        return dispatch.pause(answer)
    if answer.refused and may_search:
        return dispatch.refused(load, answer, now_ms)
    if answer.refused and not fits:
        answer.hint = answer.hint or _NO_ROOM % store_bytes
    if (may_search and answer.status >= 500) or answer.kind == "body":
        dispatch.trouble(load, answer, now_ms)
    elif poison.searching:
        poison.give_up()  # it begins anew when this lane goes on
    reason = answer.reason + (". " + answer.hint if answer.hint else "")
    if reason != state.reason:
        log("warning", "upload", "files wait: " + reason)
    if row.cap_ms:
        wait_ms = state.backoff.next_ms(row.cap_ms, answer.retry_after_ms)
        state.wait(reason, now_ms + wait_ms)
    else:
        state.hold(reason, now_ms + dispatch.settings.hold_retry_ms)
    return 0
