"""Numeric variables over time as a picture, by matplotlib (extra `plot`)."""

from array import array
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import ConfigurationError, InvalidMessage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..services.records import Record

_ENDINGS = ("png", "svg", "pdf")
# A page is some 1 000 pixels wide; of more points than this, neighbours are joined to the least
# and the greatest of them, so that no peak is lost and memory stays bounded.
_MOST_POINTS = 20_000


def open_plot(path: str) -> "Plot":
    """A picture that will be saved as *path*.

    Raises:
        ConfigurationError: matplotlib is not installed.
        InvalidMessage: The ending is no kind of picture.
    """
    if path.rpartition(".")[2].lower() not in _ENDINGS:
        raise InvalidMessage(
            f"--plot {path} is no kind of picture", hint="it ends in .png, .svg or .pdf"
        )
    try:
        import matplotlib  # noqa: ICN001 - only whether it is there
    except ImportError:
        raise ConfigurationError(
            "--plot needs matplotlib, which is not installed", hint="pip install 'mcagent[plot]'"
        ) from None
    matplotlib.use("Agg")  # no display
    return Plot(path)


class Curve:
    """The points of one variable, thinned as they become many."""

    def __init__(self) -> None:
        self.times = array("q")
        self.values = array("d")

    def add(self, timestamp_ms: int, value: float) -> None:
        self.times.append(timestamp_ms)
        self.values.append(value)
        if len(self.times) >= 2 * _MOST_POINTS:
            self._thin()

    def _thin(self) -> None:
        """Keep the least and the greatest of every four points, in their order."""
        times, values = array("q"), array("d")
        for begin in range(0, len(self.times), 4):
            four = range(begin, min(begin + 4, len(self.times)))
            least = min(four, key=self.values.__getitem__)
            greatest = max(four, key=self.values.__getitem__)
            for at in sorted({least, greatest}):
                times.append(self.times[at])
                values.append(self.values[at])
        self.times, self.values = times, values


class Plot:
    """A picture with a curve for each numeric variable."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.curves: "dict[str, Curve]" = {}

    def add(self, record: "Record") -> None:
        """The values of one record; texts are left out."""
        for name, value in record.values.items():
            if isinstance(value, (int, float, Decimal)):
                self.curves.setdefault(name, Curve()).add(record.timestamp_ms, float(value))

    def save(self, title: str) -> None:
        """Draw and write it.

        Raises:
            InvalidMessage: There is nothing to draw, or the file cannot be written.
        """
        from matplotlib.figure import Figure

        if not self.curves:
            raise InvalidMessage("there is nothing to draw", hint="no numeric value in the range")
        rows = len(self.curves)
        figure = Figure(figsize=(10, 1.2 + 1.6 * rows), layout="constrained")
        axes: "Any" = figure.subplots(rows, 1, sharex=True, squeeze=False)
        for axis, (name, curve) in zip(axes[:, 0], self.curves.items()):
            moments = [datetime.fromtimestamp(ms / 1000, timezone.utc) for ms in curve.times]
            axis.plot(moments, curve.values, linewidth=0.8)
            axis.set_ylabel(name, rotation=0, horizontalalignment="right")
            axis.grid(visible=True, linewidth=0.3)
        axes[0, 0].set_title(title)
        axes[-1, 0].set_xlabel("UTC")
        try:
            figure.savefig(self._path, dpi=100)
        except OSError as error:
            raise InvalidMessage(
                f"cannot write {self._path}: {error.strerror}", hint="is the path right?"
            ) from error
