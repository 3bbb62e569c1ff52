"""Small files of the data directory: keys and certificates."""

import os


def read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write_file(path: str, content: bytes, *, mode: int) -> None:
    """Write a file that never exists with other permissions, and never half (rename)."""
    fresh = f"{path}.new"
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with open(descriptor, "wb") as file:
        file.write(content)
    os.replace(fresh, path)
