"""What can be set about uploading, and what an upload reports."""

from ..errors import ConfigurationError
from ..limits import EXCHANGE_MAX_BYTES, TIMESERIES_MAX_BYTES

UNMAPPED = ("hold_if_none", "hold", "send")
UNKNOWN_TIME = ("hold", "send", "drop")


class UploadSettings:
    """Limits, pauses and holds of the uploader.

    Args:
        max_exchange_bytes: Largest body of one exchange.
        max_timeseries_bytes: Largest time series payload in one exchange.
        max_samples: Most samples in one exchange; None is as many as the bytes allow.
        max_items: Most events, or custom data, or files in one exchange: each is an item of its
            own, so a small number bounds the memory used.
        unmapped: ``"hold_if_none"`` holds samples while the agent has no data point mapping at
            all (the platform would accept and drop them), ``"hold"`` while any data point has
            none, ``"send"`` never asks.
        min_interval_s: `Uploader.step` waits this long between two exchanges unless there is
            more than one holds: a trickle of samples must not use up the platform's rate limit.
        backoff_base_s: Upper bound of the first wait after a failure.
        hold_retry_s: How often something that somebody has to repair is tried again.
        refresh_s: How old the known configuration and mappings may be while samples flow.
        set_aside_per_hour: More refused records of a lane than this hold it instead.
        max_bytes_per_s: At most so many bytes of requests a second, for a link that others
            use, too; None for no limit (CPython; a transport of your own has its own).
        loss_events: Tell the platform what the buffer had to give up: one event a lane, at most
            one an hour, of the standard event type.
        lose_mappings: Standing consent to the loss of every mapping without `keepMapping` that a
            new data model deletes; see `Agent.submit`.
        unknown_time: What becomes of samples of an earlier start whose clock was never set, and
            of which nobody can know when they were taken. ``"hold"`` keeps them in the rejected
            store, and what follows goes out; ``"send"`` sends them with the time that the device
            believed; ``"drop"`` gives them up, counted.
    """

    def __init__(
        self,
        *,
        max_exchange_bytes: int = EXCHANGE_MAX_BYTES,
        max_timeseries_bytes: int = TIMESERIES_MAX_BYTES,
        max_samples: "int | None" = None,
        max_items: int = 100,
        unmapped: str = "hold_if_none",
        min_interval_s: float = 1.0,
        backoff_base_s: float = 1.0,
        hold_retry_s: float = 900.0,
        refresh_s: float = 900.0,
        set_aside_per_hour: int = 10,
        max_bytes_per_s: "float | None" = None,
        loss_events: bool = True,
        unknown_time: str = "hold",
        lose_mappings: bool = False,
    ) -> None:
        if unknown_time not in UNKNOWN_TIME:
            raise ConfigurationError(
                "unknown_time=%r is not a way to treat samples of unknown time" % (unknown_time,),
                hint="one of " + ", ".join(UNKNOWN_TIME),
            )
        if unmapped not in UNMAPPED:
            raise ConfigurationError(
                "unmapped=%r is not a way to treat unmapped data points" % (unmapped,),
                hint="one of " + ", ".join(UNMAPPED),
            )
        if max_exchange_bytes < 1000 or max_timeseries_bytes < 100 or max_items < 1:
            raise ConfigurationError(
                "an exchange of %d bytes, %d of them samples, %d items cannot carry anything"
                % (max_exchange_bytes, max_timeseries_bytes, max_items)
            )
        self.max_exchange_bytes = max_exchange_bytes
        self.max_timeseries_bytes = max_timeseries_bytes
        self.max_samples = max_samples if max_samples is not None else max_timeseries_bytes
        self.max_items = max_items
        self.unmapped = unmapped
        self.min_interval_ms = int(min_interval_s * 1000)
        self.backoff_base_ms = int(backoff_base_s * 1000)
        self.hold_retry_ms = int(hold_retry_s * 1000)
        self.refresh_ms = int(refresh_s * 1000)
        self.set_aside_per_hour = set_aside_per_hour
        self.max_bytes_per_s = max_bytes_per_s
        self.loss_events = loss_events
        self.unknown_time = unknown_time
        self.lose_mappings = lose_mappings


class UploadReport:
    """What one `upload` did.

    Attributes:
        delivered: Records that the platform accepted with a 200 meanwhile. It checks mappings
            afterwards.
        pending: Records still buffered, in all lanes.
        set_aside: Records that the platform refused for themselves, kept in the rejected store.
        retry_in_s: When trying again makes sense; None when nothing is pending.
        reason: Why something is pending; ``""`` when nothing is.
    """

    def __init__(
        self,
        delivered: int,
        pending: int,
        set_aside: int,
        retry_in_s: "float | None",
        reason: str,
    ) -> None:
        self.delivered = delivered
        self.pending = pending
        self.set_aside = set_aside
        self.retry_in_s = retry_in_s
        self.reason = reason

    def __repr__(self) -> str:
        return "<UploadReport delivered=%d pending=%d set_aside=%d retry_in_s=%s%s>" % (
            self.delivered,
            self.pending,
            self.set_aside,
            self.retry_in_s,
            " (%s)" % self.reason if self.reason else "",
        )
