"""What the plans of Capability Package environments allow (agent API 0.2).

Other environments have no such limits: plan `none`. Then a mapping beyond the smallest plan is
taken, and noted as a breach.
"""

from .answers import Refusal
from .breaches import Breaches
from .settings import STRICT, Settings

EVENT_MAPPINGS = "event mappings of one agent"
EVENT_MAPPINGS_OF_TYPE = "event mappings of one agent for one event type"
VARIABLES = "variables for one data point"

_PLANS = ("XXS", "XS", "S", "M", "L", "XL")
LIMITS: dict[str, dict[str, int]] = {
    EVENT_MAPPINGS: dict(zip(_PLANS, (2, 50, 50, 50, 50, 50))),
    EVENT_MAPPINGS_OF_TYPE: dict.fromkeys(_PLANS, 5),
    VARIABLES: dict(zip(_PLANS, (1, 5, 5, 10, 10, 20))),
}


def check_plan(
    resource: str, number: int, whose: str, *, settings: Settings, breaches: Breaches
) -> None:
    """Check that *number* of a resource, the one that is to be made among them, are allowed.

    Raises:
        Refusal: Not by the plan; the status is a switch.
    """
    allowed = LIMITS[resource].get(settings.plan)
    if allowed is None:
        smallest = str(STRICT["plan"])
        if number > LIMITS[resource][smallest]:
            breaches.note(
                "plan",
                f"{whose}: {number} {resource}; plan {smallest}"
                f" allows {LIMITS[resource][smallest]}",
            )
    elif number > allowed:
        raise Refusal(
            settings.plan_limit_status,
            f"Plan {settings.plan} allows {allowed} {resource}; {whose} has them."
            " The hub's switch plan names another plan.",
        )
