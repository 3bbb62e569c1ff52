"""Send measurements, events, files and data models from a field device to Insights Hub.

At least once: a record is kept until the platform accepted it, so a lost answer can deliver it
twice, never zero times.

Names are loaded on first use (PEP 562): `import mcagent` itself costs almost nothing, and a device
script pays only for the parts that it touches.
"""

__version__ = "0.1.0"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .agent import Agent
    from .buffer.receipt import Receipt
    from .buffer.settings import BufferSettings, LaneSettings
    from .errors import (
        AgentError,
        BufferFull,
        ClockError,
        ConfigurationError,
        CredentialError,
        InvalidMessage,
        NotOnboarded,
        OnboardingRefused,
        RemoteError,
        RotationFailed,
        TransportError,
    )
    from .journal import log_to_stderr
    from .messages.customdata import CustomData
    from .messages.datamodel import DataModel, DataPoint, DataSource
    from .messages.event import Event, Severity
    from .messages.file import File
    from .messages.timeseries import TimeSeries
    from .upload.settings import UploadSettings

__all__ = [
    "Agent",
    "AgentError",
    "BufferFull",
    "BufferSettings",
    "ClockError",
    "ConfigurationError",
    "CredentialError",
    "CustomData",
    "DataModel",
    "DataPoint",
    "DataSource",
    "Event",
    "File",
    "InvalidMessage",
    "LaneSettings",
    "NotOnboarded",
    "OnboardingRefused",
    "Receipt",
    "RemoteError",
    "RotationFailed",
    "Severity",
    "TimeSeries",
    "TransportError",
    "UploadSettings",
    "__version__",
    "log_to_stderr",
]

# Public name -> the module that defines it. Everything not listed is an error.
_HOME = {
    "Agent": "agent",
    "BufferSettings": "buffer.settings",
    "CustomData": "messages.customdata",
    "DataModel": "messages.datamodel",
    "DataPoint": "messages.datamodel",
    "DataSource": "messages.datamodel",
    "Event": "messages.event",
    "File": "messages.file",
    "LaneSettings": "buffer.settings",
    "Receipt": "buffer.receipt",
    "Severity": "messages.event",
    "TimeSeries": "messages.timeseries",
    "UploadSettings": "upload.settings",
    "log_to_stderr": "journal",
}


def __getattr__(name: str) -> object:
    # MicroPython asks for names such as `__file__` here too: only what is public is looked for.
    if name not in __all__:
        raise AttributeError("module 'mcagent' has no attribute " + repr(name))
    module = __import__("mcagent." + _HOME.get(name, "errors"), None, None, (name,))
    value = getattr(module, name)
    globals()[name] = value  # the next access does not come here
    return value


def __dir__() -> "list[str]":
    return sorted(__all__)
