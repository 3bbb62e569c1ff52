"""Damaged parts of segments, kept aside for people: a few, short, best effort."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..runtime.cpython import FileSystem
    from .segment import Segment

# They must never be what fills the disk: 16 pieces of one page.
_MAX_FILES = 16
_MAX_BYTES = 4096


def keep_aside(
    fs: "FileSystem", lane_directory: str, segment: "Segment", start: int, stop: int
) -> None:
    """Copy bytes *start* to *stop* of *segment* to ``damaged/``; silent where that fails."""
    place = lane_directory.rfind("/")
    directory = lane_directory[:place] + "/damaged"
    name = "%s-%016d-%d.bin" % (lane_directory[place + 1 :], segment.first, start)
    try:
        if len(fs.list_dir(directory)) >= _MAX_FILES:
            return
        source = fs.open(segment.path, write=False)
        try:
            data = source.read_at(start, min(stop - start, _MAX_BYTES))
        finally:
            source.close()
        fs.make_dir(directory)
        fs.write_atomic(directory + "/" + name, data)
    except OSError:
        pass  # the count in the cursor is what matters
