"""Store and forward: records go in, survive, and come out in batches until they are answered."""

from .batch import Batch, Record
from .buffer import Buffer
from .receipt import Receipt
from .settings import BufferSettings, LaneSettings

__all__ = ["Batch", "Buffer", "BufferSettings", "LaneSettings", "Receipt", "Record"]
