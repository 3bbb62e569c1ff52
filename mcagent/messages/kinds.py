"""Record kinds: what a stored payload is, and in which lane it travels.

The numbers stand in buffers on disk and never change their meaning.
"""

SAMPLE = 1  # one time series sample: {"timestamp":…,"values":[…]}
EVENT = 2  # one event in the format businessEvent 2.0
EVENT_1 = 3  # one event in the format businessEvent 1.0
MODEL = 4  # one data source configuration
FILE = 5  # JSON: name, type, created_ms, size, sha256, spool; the content lies beside the buffer
CUSTOM = 6  # see customdata.py

LANE_OF_KIND = {
    SAMPLE: "timeseries",
    EVENT: "events",
    EVENT_1: "events",
    MODEL: "models",
    FILE: "files",
    CUSTOM: "events",
}
