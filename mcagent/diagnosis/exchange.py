"""A dry run of the exchange: may this agent use it, and what would go next?

What is sent is an exchange without a single item, which the platform must refuse with 400 (agent
API, 6.1): it gets as far as the service that takes uploads, and stores nothing. Nothing that was
recorded leaves the device.
"""

from ..errors import AgentError, TransportError
from ..observer import read_status
from ..transport.http import Request
from .case import Case
from .step import Step, failed, no_answer, passed

_BOUNDARY = "mcagent-doctor"


def dry_run(case: Case) -> Step:
    details = _waiting(case)
    request = Request(
        "POST",
        case.base_url + "/api/mindconnect/v3/exchange",
        {"Content-Type": f"multipart/mixed; boundary={_BOUNDARY}"},
        f"--{_BOUNDARY}--\r\n".encode(),
    )
    try:
        answer = case.send(request)
    except TransportError as error:
        return no_answer(error, details=details)
    facts = {"status": answer.status}
    words = case.words(answer)
    if answer.status in (200, 400) and not answer.is_html():
        return passed(
            f"this agent may use it: an exchange without items is answered {words}",
            details=details,
            facts=facts,
        )
    if answer.status in (401, 403, 404):
        return failed(
            "exchange-refused",
            f"the exchange refuses this agent: {words}",
            "an operator looks whether the agent is onboarded and has its default rights",
            details=details,
            facts=facts,
        )
    return failed(
        "exchange-trouble",
        f"the exchange answers {words}",
        "wait: the agent tries again by itself",
        details=details,
        facts=facts,
    )


def _waiting(case: Case) -> "list[str]":
    try:
        lanes = read_status(case.directory).lanes
    except AgentError:
        return []
    return [
        f"{lane['records']} records wait in {name}"
        for name, lane in lanes.items()
        if lane["records"]
    ]
