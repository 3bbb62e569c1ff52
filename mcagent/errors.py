"""One tree of errors. A message says what happened, to which value, where; `hint` says what to do.

No message, hint or attribute ever holds a secret, a token or a key.
"""


class AgentError(Exception):
    """Base of every error that mcagent raises on purpose.

    Args:
        message: What happened, with which value, where. One line.
        hint: What the reader can do about it; ``""`` when there is nothing to add.

    `retryable` is true where the same call may succeed later without anyone changing anything.
    """

    retryable = False

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return self.message


class InvalidMessage(AgentError):
    """A value that the platform would refuse or drop; nothing was stored."""


class ConfigurationError(AgentError):
    """The boarding configuration, a setting or the state directory cannot be used as it is."""


class BufferFull(AgentError):
    """The quota of a lane with policy ``"reject"`` is used up; the new record was not stored."""

    retryable = True


class CredentialError(AgentError):
    """The agent has no credentials that work."""


class NotOnboarded(CredentialError):
    """There is no boarding configuration, or it was not used yet."""


class OnboardingRefused(CredentialError):
    """The platform refused the registration; an operator must hand out a new boarding file."""


class RotationFailed(CredentialError):
    """The platform refused to renew the client secret."""


class ClockError(CredentialError):
    """The clock of this device is too far from the platform's to sign or to check certificates."""

    retryable = True


class TransportError(AgentError):
    """There was no answer. `kind` names the step that failed.

    Kinds: ``"dns"``, ``"connect"``, ``"tls"``, ``"certificate"``, ``"proxy"``, ``"timeout"``,
    ``"closed"`` (the connection ended in mid-exchange), ``"body"`` (the request's own body could
    not be produced), ``"aborted"`` (this device broke it off) and ``"other"``.
    """

    retryable = True

    def __init__(self, message: str, *, kind: str = "other", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.kind = kind


class RemoteError(AgentError):
    """There was an answer, and it was no.

    Attributes:
        status: HTTP status, 100 to 599.
        reason: The platform's own words, at most 200 characters; ``""`` when it said nothing.
        correlation_id: The request's Correlation-ID, for the platform's support.
        code: The service's own short name for it, such as "6410"; ``""`` where it gave none.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        reason: str = "",
        correlation_id: str = "",
        hint: str = "",
        code: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.status = status
        self.code = code
        self.reason = reason
        self.correlation_id = correlation_id
        self.retryable = status in (408, 429) or status >= 500


# By number: MicroPython names none of them.
QUOTA_USED_UP = 122  # EDQUOT: of a user; the disk itself may be half empty
NO_SPACE = (28, QUOTA_USED_UP)  # ENOSPC
_CLOSED = 9  # EBADF


def storage_error(directory: str, error: OSError) -> AgentError:
    """What the operating system refused in the state directory, as an error of ours."""
    if error.errno in NO_SPACE:
        return BufferFull(
            "no space left for %s: %s" % (directory, error),
            hint="free space on this file system, or give the buffer a smaller quota; what was "
            "accepted is safe",
        )
    if error.errno == _CLOSED:
        return ConfigurationError("this agent is closed", hint="open it again with Agent.open")
    return ConfigurationError(
        "cannot use the state directory %s: %s" % (directory, error),
        hint="it must be a directory on a local disk that this user may write",
    )
