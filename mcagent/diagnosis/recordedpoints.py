"""Which data points, and data models, wait in the buffer; read beside a running service."""

import json

from ..errors import ConfigurationError
from ..inspection.export import Export
from ..inspection.survey import Survey

MOST_SAMPLES = 10_000  # a second of work, and enough to meet every point of a device


def recorded_points(directory: str, most: int = MOST_SAMPLES) -> "dict[str, int]":
    """Data point id to the number of waiting samples with it, of the oldest *most* samples.

    Empty where there is no buffer (yet).
    """
    found: "dict[str, int]" = {}
    try:
        survey = Survey(directory)
    except ConfigurationError:
        return found
    entries = Export(survey, _ignore).entries(["timeseries"])
    for _ in range(most):
        entry = next(entries, None)
        if entry is None:
            break
        for value in json.loads(entry.payload).get("values") or ():
            point = value["dataPointId"]
            found[point] = found.get(point, 0) + 1
    return found


def model_waits(directory: str) -> bool:
    """A data model is in the buffer, and was not delivered yet."""
    try:
        survey = Survey(directory)
    except ConfigurationError:
        return False
    return next(Export(survey, _ignore).entries(["models"]), None) is not None


def _ignore(_bytes: int) -> None:
    pass
