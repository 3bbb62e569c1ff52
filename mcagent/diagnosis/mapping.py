"""The data model here and on the platform, and what is mapped: 200 is not stored."""

from ..errors import TransportError
from ..modelstore import ModelStore
from ..upload.platformview import Configuration, PlatformView
from .case import Case
from .step import Step, failed, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..messages import DataModel

_DESCRIBE = "describe the data points: submit a DataModel, or mcagent model FILE"


def models(case: Case) -> Step:
    local, note = _local(case)
    here = (
        "none is described here"
        if local is None
        else f"{local.id} with {len(local.points)} data points"
    )
    details = [note] if note else []
    if not case.token:
        return skipped(f"here: {here}; the platform's was not asked for", details=details)
    view = PlatformView(case, unmapped="hold_if_none")  # type: ignore[arg-type]
    try:
        odd = view.read_configuration()
    except TransportError as error:
        return failed(f"no-answer-{error.kind}", error.message, error.hint, details=details)
    if odd is not None:
        return failed(
            "odd-answer",
            f"the platform answers {odd.status} {odd.reason()} to the question for its model",
            "wait and try again",
        )
    if view.note:
        return passed(f"here: {here}; {view.note}", details=details)
    case.view = view
    if view.model is None:
        if local is None:
            return failed(
                "no-model", "there is no data model, neither here nor on the platform", _DESCRIBE
            )
        return passed(f"here: {here}; the platform has none yet: it goes out with the next upload")
    there = f"{view.model.id} with {len(view.model.points)} data points"
    if local is None:
        return passed(f"here: {here}; on the platform: {there}", details=details)
    same = Configuration(_parsed(local)).equals(view.model)
    facts = {"here": local.id, "platform": view.model.id, "same": same}
    if same:
        return passed(f"{there}, here and on the platform", details=details, facts=facts)
    # Not a fault: the one here waits in the buffer, or somebody changed the platform's.
    measured = f"here: {here}; on the platform: {there}, which differs: a new one is sent first"
    return passed(measured, details=details, facts=facts)


def mappings(case: Case) -> Step:
    view = case.view
    if view is None:
        return skipped("the platform's model could not be read")
    local, _note = _local(case)
    if view.model is None:
        return failed(
            "no-model",
            "the agent has no data source configuration on the platform, which would drop samples",
            "start the service or mcagent upload: the data model goes out first; then map its "
            "points to variables of an asset"
            if local is not None
            else _DESCRIBE,
        )
    try:
        odd = view.read_mappings()
    except TransportError as error:
        return failed(f"no-answer-{error.kind}", error.message, error.hint)
    if odd is not None:
        return failed(
            "odd-answer", f"the platform answers {odd.status} {odd.reason()}", "wait and try again"
        )
    if view.note:
        return skipped(view.note)
    recorded = set(view.model.points if local is None else local.points)
    missing = sorted(point for point in recorded if _is_unmapped(view, point))
    facts = {"points": len(recorded), "unmapped": missing}
    if not missing:
        return passed(f"all {len(recorded)} data points have a valid mapping", facts=facts)
    return failed(
        "unmapped",
        f"{len(missing)} of {len(recorded)} data points have no valid mapping: the platform "
        f"answers 200 to their values and drops them: {', '.join(missing)}",
        "map them to variables of an asset (Asset Manager, or POST dataPointMappings); samples "
        "are held until the first mapping is there, and are sent within minutes",
        facts=facts,
    )


def _is_unmapped(view: PlatformView, point: str) -> bool:
    assert view.model is not None
    return point in view.unmapped or point not in view.model.points


def _local(case: Case) -> "tuple[DataModel | None, str]":
    store = ModelStore(case.directory, case.fs)
    note = store.load()
    return store.model, note


def _parsed(model: "DataModel") -> "dict[str, object]":
    import json

    found: "dict[str, object]" = json.loads(model.fragment())
    return found
