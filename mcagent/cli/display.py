"""Progress on standard error and a table at the end: with rich on a terminal, else plain lines."""

import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Sequence

_PLAIN_EVERY_S = 2.0  # a log file or a CI page stays readable


class Display:
    """Plain lines; a context manager, because the richer kind redraws a part of the screen."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self._next = 0.0

    def say(self, text: str) -> None:
        """One line that stays."""
        sys.stderr.write(f"{time.monotonic() - self._start:6.1f} s  {text}\n")
        sys.stderr.flush()

    def progress(self, share: float, text: str) -> None:
        """Where it stands: 0 to 1, and what is going on. Call it as often as you like."""
        now = time.monotonic()
        if now >= self._next or share >= 1:
            self._next = now + _PLAIN_EVERY_S
            self.say(f"{share:4.0%}  {text}")

    def __enter__(self) -> "Display":
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class RichDisplay(Display):
    """A bar that moves, with the lines that stay above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        super().__init__()
        self._bar = Progress(
            BarColumn(),
            TextColumn("{task.percentage:3.0f} %  {task.description}", markup=False),
            console=Console(stderr=True, highlight=False),
            transient=True,
        )
        self._task = self._bar.add_task("", total=1.0)

    def say(self, text: str) -> None:
        self._bar.console.print(f"{time.monotonic() - self._start:6.1f} s  {text}", markup=False)

    def progress(self, share: float, text: str) -> None:
        self._bar.update(self._task, completed=share, description=text)

    def __enter__(self) -> "Display":
        self._bar.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()


def open_display() -> Display:
    """The richest display that standard error and the installed packages allow."""
    if sys.stderr.isatty() and _has_rich():
        return RichDisplay()
    return Display()


def table(rows: "Sequence[Sequence[Any]]", header: "Sequence[str]" = ()) -> str:
    """*rows* in aligned columns; numbers to the right."""
    texts = [[_cell(cell) for cell in row] for row in rows]
    head = [list(header)] if header else []
    widths = [max(len(row[index]) for row in head + texts) for index in range(len(texts[0]))]
    lines = [_line(row, widths, [False] * len(row)) for row in head]
    for row, cells in zip(rows, texts):
        numbers = [isinstance(c, (int, float)) and not isinstance(c, bool) for c in row]
        lines.append(_line(cells, widths, numbers))
    return "\n".join(lines)


def show_table(title: str, rows: "Sequence[Sequence[Any]]") -> None:
    """Print a table of two columns to standard output, drawn by rich on a terminal."""
    if not (sys.stdout.isatty() and _has_rich()):
        sys.stdout.write(f"{title}\n{table(rows)}\n")
        sys.stdout.flush()
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title, show_header=False, title_justify="left")
    for name, value in rows:
        drawn.add_row(Text(_cell(name)), Text(_cell(value), justify="right"))
    Console().print(drawn)


def duration(duration_ms: int) -> str:
    """In the largest unit of which it has two."""
    seconds = max(0, duration_ms) // 1000
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _cell(value: "Any") -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1f}"
    return "" if value is None else str(value)


def _line(cells: "Sequence[str]", widths: "Sequence[int]", right: "Sequence[bool]") -> str:
    parts = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right)
    ]
    return "  ".join(parts).rstrip()


def _has_rich() -> bool:
    try:
        import rich  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True
