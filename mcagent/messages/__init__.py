"""Messages: values, checked once at the door, and the exact bytes they are on the wire.

Names are loaded on first use (PEP 562), so that the uploader, which needs no builders, does not
pay for them.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .customdata import CustomData
    from .datamodel import DataModel, DataPoint, DataSource
    from .event import Event, Severity
    from .file import File
    from .multipart import ExchangeBody
    from .timeseries import SampleEncoder, TimeSeries

__all__ = [
    "CustomData",
    "DataModel",
    "DataPoint",
    "DataSource",
    "Event",
    "ExchangeBody",
    "File",
    "SampleEncoder",
    "Severity",
    "TimeSeries",
]

# Public name -> the module that defines it.
_HOME = {
    "CustomData": "customdata",
    "DataModel": "datamodel",
    "DataPoint": "datamodel",
    "DataSource": "datamodel",
    "Event": "event",
    "ExchangeBody": "multipart",
    "File": "file",
    "SampleEncoder": "timeseries",
    "Severity": "event",
    "TimeSeries": "timeseries",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError("module 'mcagent.messages' has no attribute " + repr(name))
    module = __import__("mcagent.messages." + _HOME[name], None, None, (name,))
    value = getattr(module, name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> "list[str]":
    return sorted(__all__)
