"""A kill between an operation and its sync, work by the next process, then a power cut.

What the enumeration in tests/crash found, each as small as it gets.
"""

from tests.buffer.memoryfs import MemoryFileSystem
from tests.buffer.world import World, drain, small_settings
from tests.crash.disk import Disk
from tests.crash.driver import Content


class Killed(BaseException):
    """Nothing runs after it."""


def kill_at(world, operation, path, call):
    """Kill the process at its first *operation* on *path* in *call*; a new one opens."""

    def fail(done, where, _size):
        if (done, where) == (operation, path):
            raise Killed

    world.fs.fail = fail
    try:
        call()
    except Killed:
        world.fs.fail = None
        world.restart()
        return
    raise AssertionError(f"no {operation} of {path}")


def after_a_power_cut(world):
    """What opens when nothing was kept that was not synced."""
    disk = Disk()
    for operation in world.fs.log:
        disk.apply(operation)
    choices = disk.choices()
    return World(fs=choices.image(choices.all_lost), settings=world.settings)


def new_world():
    return World(fs=MemoryFileSystem(remember=True), settings=small_settings())


def test_a_segment_found_after_a_kill_has_a_durable_name_before_it_is_used():
    """Its folder had not been synced: the name was in the page cache only."""
    world = new_world()
    kill_at(world, "sync_dir", "/s/buffer/events", lambda: world.event(b"never answered"))
    assert world.fs.list_dir("/s/buffer/events") != []
    world.event(b"durable", durable=True)
    assert drain(after_a_power_cut(world).buffer, "events") == [(1, b"durable")]


def test_a_spool_found_after_a_kill_has_a_durable_name_before_it_is_used():
    """The folder of refused files is made when the lane has records already."""
    world = new_world()
    world.event(b"refused")
    world.buffer.set_aside("events", 1, {"status": 400})
    world.buffer.append_file({"name": "a"}, Content(b"content"))

    def set_aside():
        world.buffer.set_aside("files", 1, {"status": 400})

    kill_at(world, "sync_dir", "/s/buffer/rejected", set_aside)
    set_aside()
    recovered = after_a_power_cut(world)
    assert recovered.fs.list_dir("/s/buffer/files/spool") == []
    assert recovered.fs.read("/s/buffer/rejected/spool/0000000000000002") == b"content"
