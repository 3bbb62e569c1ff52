"""Requests with a valid access token: drives the credentials, the keystore and the transport.

The write-ahead rule is kept here: what the lifecycle wants saved is on disk before the request
that may make it necessary leaves the device.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    pass

# Register, token, rotate with two credentials, token again: no chain of steps is longer.
_MOST_STEPS = 8


class OnboardResult:
    """Whether the agent is onboarded.

    Attributes:
        onboarded: It has credentials.
        reason: Why it is not, or not yet; ``""``.
        retry_in_s: When trying again makes sense; None when it is onboarded.
    """

    def __init__(self, onboarded: bool, reason: str = "", retry_in_s: "float | None" = None):
        self.onboarded = onboarded
        self.reason = reason
        self.retry_in_s = retry_in_s

    def __bool__(self) -> bool:
        return self.onboarded

    def __repr__(self) -> str:
        return "<OnboardResult %s%s>" % (
            "onboarded" if self.onboarded else "not yet",
            ": " + self.reason if self.reason else "",
        )
