"""What the benchmark asks of every store, and ours."""

from mcagent.buffer import Buffer, BufferSettings, LaneSettings

LANE = "timeseries"
KIND = 1
_MIB = 1024 * 1024
_ALL = 0x3FFFFFFF


class Contestant:
    """A store in a directory of its own.

    Attributes:
        name: As it stands in the tables.
        package: The distribution whose version is printed; "" for none.
        module: Imported before a clock starts; "" for none.
        scale_runs: How often it gets a million records, at most: that takes long.
    """

    name = ""
    package = ""
    module = ""
    scale_runs = 3

    def __init__(self, directory, group):
        """Open or make it; *group* records are stored with one sync."""
        raise NotImplementedError

    def put_each(self, payloads):
        """Store them one by one, each as durable as it gets before the next."""
        raise NotImplementedError

    def put_group(self, payloads):
        """Store them with one sync, where there is a way to say so; durable when it returns."""
        self.put_each(payloads)

    def drain(self, per):
        """Yield (count, body) of the oldest *per* records, joined by commas; going on
        acknowledges them, as durably as the store does."""
        raise NotImplementedError

    def first(self):
        """The oldest record."""
        return next(self.drain(1))[1]

    def close(self):
        raise NotImplementedError


class Ours(Contestant):
    """mcagent's buffer, as the agent uses it."""

    name = "mcagent"
    package = "mcagent"
    scale_runs = 1000

    def __init__(self, directory, group):
        # The window is long: it is the number of records that ends a group here.
        durability = "each" if group == 1 else ("group", group, 3_600_000)
        lane = LaneSettings(512 * _MIB, durability=durability)
        settings = BufferSettings(timeseries=lane, total_quota_bytes=1024 * _MIB)
        self._buffer = Buffer(directory + "/buffer", settings=settings)
        self._buffer.open()

    def put_each(self, payloads):
        append = self._buffer.append
        for payload in payloads:
            append(LANE, KIND, payload)

    def put_group(self, payloads):
        self._buffer.append_many(LANE, KIND, payloads)
        # A group ends with its segment: what began the next one is made durable as well.
        self._buffer.flush(LANE)

    def drain(self, per):
        buffer = self._buffer
        while True:
            batch = buffer.cut(LANE, max_bytes=_ALL, max_records=per)
            if batch is None:
                return
            yield batch.count, b"".join(batch.chunks())
            buffer.ack(batch)

    def first(self):
        return self._buffer.first_record(LANE).payload

    def close(self):
        self._buffer.close()
