"""Golden bytes: tests/data, written by hand from the specification (tests/data/README.md)."""

DATA = "/".join(__file__.replace("\\", "/").split("/")[:-2]) + "/data/"


def golden(name):
    """Content of tests/data/*name*, exactly."""
    with open(DATA + name, "rb") as file:
        return file.read()


def golden_lines(name):
    """The lines of a text file there; the first, which names the source, is left out."""
    return golden(name).decode().split("\n")[1:-1]
