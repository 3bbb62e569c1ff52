"""What tests of portable modules share. Plain code: MicroPython runs it too, without pytest."""

import os

_DIRECTORY_BIT = 0x4000  # st_mode; MicroPython has no `stat` module


def raises(error_class, function, *args, **kwargs):
    """Call *function*, demand that it raises *error_class*, and return the error."""
    try:
        result = function(*args, **kwargs)
    except error_class as error:
        return error
    raise AssertionError("no %s, but %r" % (error_class.__name__, result))


class TemporaryDirectory:
    """`with TemporaryDirectory() as path:` an empty directory, removed afterwards."""

    def __enter__(self):
        name = "".join("%02x" % byte for byte in os.urandom(8))
        self.path = (os.getenv("TMPDIR") or "/tmp") + "/mcagent-test-" + name
        os.mkdir(self.path)
        return self.path

    def __exit__(self, *exc):
        remove_tree(self.path)
        return False


def remove_tree(path):
    """Remove *path* and all that is in it."""
    for name in os.listdir(path):
        inner = path + "/" + name
        if os.stat(inner)[0] & _DIRECTORY_BIT:
            remove_tree(inner)
        else:
            os.remove(inner)
    os.rmdir(path)
