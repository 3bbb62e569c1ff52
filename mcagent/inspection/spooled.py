"""Spooled files: is each there, whole, and spoken of by a record?

Source: docs/buffer-format.md, "Spooled files".
"""

from ..runtime import new_sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO, Callable

    from ..runtime.cpython import RandomFile
    from .survey import LaneView, Survey

_PIECE_BYTES = 65536


def check_file(
    survey: "Survey",
    path: str,
    described: "dict[str, Any]",
    advance: "Callable[[int], None]",
    copy: "BinaryIO | None" = None,
) -> str:
    """Read *path* and compare it with its record; ``""`` where it is what was spooled.

    Args:
        survey: Whose file system reads.
        path: The spooled file.
        described: ``size`` and ``sha256`` as the record has them.
        advance: Hears the bytes that were read.
        copy: Gets what is read.

    Raises:
        OSError: It went away, or cannot be read: with *path* as its file name. Without: *copy*
            refused what was read.
    """
    digest = new_sha256()
    size = 0
    file = survey.fs.open(path)
    try:
        while True:
            piece = _read(file, size)
            if not piece:
                break
            digest.update(piece)
            if copy is not None:
                copy.write(piece)
            size += len(piece)
            advance(len(piece))
    finally:
        file.close()
    if size != described.get("size"):
        return f"holds {size} bytes, and its record says {described.get('size')}"
    if digest.hexdigest() != described.get("sha256"):
        return "has the right size and another SHA-256 than its record says"
    return ""


def _read(file: "RandomFile", offset: int) -> bytes:
    try:
        return file.read_at(offset, _PIECE_BYTES)
    except OSError as error:
        raise OSError(error.errno, error.strerror, file.path) from error


def left_over(lane: "LaneView", sequence: int, next_sequence: int) -> bool:
    """True for a file that no record can speak of any more: the next start removes it."""
    state = lane.state
    in_hole = state.hole_first <= sequence <= state.hole_last
    return not state.head <= sequence < next_sequence or in_hole
