"""Settings of the lifecycle."""

from ..runtime import random_unit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable


class LifecycleSettings:
    """Margins of the lifecycle.

    Args:
        rotate_before_s: Rotate this long before the client secret expires, but not before three
            quarters of its life. 25 hours: what Siemens' Node client does (agent API, 3.3).
        clock_tolerance_s: A refused token request is signed again when the platform's time
            differs by more. Agent API, 4.5: about 30 s.
        random_unit: Uniform in [0, 1), for jitter.
    """

    def __init__(
        self,
        *,
        rotate_before_s: int = 25 * 3600,
        clock_tolerance_s: int = 30,
        random_unit: "Callable[[], float]" = random_unit,
    ) -> None:
        self.rotate_before_ms = rotate_before_s * 1000
        self.clock_tolerance_ms = clock_tolerance_s * 1000
        self.random_unit = random_unit
