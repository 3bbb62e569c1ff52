"""`mcagent model --lose-mappings`: what would a data model delete? Then consent to that."""

import json

from ..errors import ConfigurationError, InvalidMessage
from ..inbox import Inbox
from ..live import read_live, why_silent
from ..modelstore import ModelStore
from ..runtime import Clock, FileSystem
from .common import open_agent, show, state_directory
from .consent import ask
from .door import lock_owner
from .exits import INCOMPLETE, OK
from .rejectedowner import taken

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

_PATIENCE_S = 90  # a service in mid-upload looks into its inbox after its request


def run_consent(args: "argparse.Namespace") -> int:
    directory = state_directory(args).rstrip("/") or "/"
    models = ModelStore(directory, FileSystem())
    problem = models.load()
    if problem or models.model is None:
        raise InvalidMessage(
            problem or "there is no data model yet",
            hint="mcagent model FILE describes the data points",
        )
    owner = lock_owner(directory)
    model = models.model.id
    at_risk, why_not = _of_service(directory, owner, model) if owner else _asked(args, models)
    if why_not:
        show(args, {"model": model, "mappings": [], "consented": False}, why_not)
        return OK
    lines = [f"data model {model} would delete:"]
    if at_risk is None:
        lines = [f"data model {model} may delete mappings; the agent may not read which (map.r)"]
    lines += [f"  {one}" for one in at_risk or []]
    consented = not args.dry_run
    if consented:
        if not args.json:
            show(args, {}, "\n".join(lines))
            lines = []
        ask(args, f"Delete {'whatever that is' if at_risk is None else 'these'} for ever?")
        consent = True if at_risk is None else at_risk
        if owner:
            header = {"consent": consent, "model": models.sequence}
            message = Inbox(directory, FileSystem(), Clock()).put(header, iter(()))
            if not taken(message, _PATIENCE_S):
                show(args, {}, "the service has not taken the consent yet; it stays in its inbox")
                return INCOMPLETE
        else:
            with open_agent(args) as agent:
                if agent.model != models.model:
                    raise ConfigurationError(
                        "another data model came meanwhile", hint="look again: the same command"
                    )
                agent.submit(agent.model, lose_mappings=consent)
        lines.append("consented: it goes out with the next upload")
    value = {"model": model, "mappings": at_risk, "consented": consented}
    show(args, value, "\n".join(lines))
    return OK


def _of_service(directory: str, owner: str, model: str) -> "tuple[list[str] | None, str]":
    """What the running service found at risk; or why nothing waits for consent."""
    live = read_live(directory)
    if live is None:
        raise ConfigurationError(
            f"{owner} does not tell what waits: {why_silent(directory)}",
            hint="stop it for a moment and repeat: then the platform is asked from here",
        )
    question = (live.get("upload") or {}).get("consent")
    if question is None:
        return [], "no data model of the running service waits for consent"
    if question["model"] != model:
        raise ConfigurationError(
            f"{question['model']} waits for consent, and {model} came meanwhile",
            hint="look again: the same command",
        )
    return question["mappings"], ""


def _asked(args: "argparse.Namespace", models: ModelStore) -> "tuple[list[str] | None, str]":
    """The same, asked of the platform with the agent's own credentials."""
    from ..diagnosis.aftermath import take_token
    from ..diagnosis.case import Case
    from ..upload.consent import covers
    from ..upload.platformview import Configuration, PlatformView

    case = Case(models.directory, ca_file=args.ca, crl_file=args.crl, proxy=args.proxy)
    view = PlatformView(case, unmapped="hold")  # type: ignore[arg-type]
    try:
        take_token(case)
        for read in (view.read_configuration, lambda: view.read_mappings(for_model=True)):
            odd = read()
            if odd is not None:
                raise ConfigurationError(
                    f"the platform answers {odd.status} {odd.reason()} to the question what would "
                    "be deleted",
                    hint="wait and try again",
                )
    finally:
        case.transport.close()
    model = models.model
    assert model is not None
    if view.shows(Configuration(json.loads(model.fragment()))):
        return [], f"the platform has the data model {model.id}: nothing waits for consent"
    at_risk = view.not_kept
    if covers(models.consent, at_risk) and at_risk != []:
        return [], f"consent for the data model {model.id} was given: it goes with the next upload"
    if at_risk == []:
        return [], f"data model {model.id} would delete no mapping: nothing waits for consent"
    return at_risk, ""
