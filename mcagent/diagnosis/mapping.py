"""The data model here and on the platform, and what is mapped: 200 is not stored."""

from ..errors import TransportError
from ..inspection.survey import printable
from ..modelstore import ModelStore
from ..upload.consent import covers
from ..upload.platformview import Configuration, PlatformView
from .aftermath import recorded_kinds
from .case import Case
from .recordedpoints import model_waits, recorded_points
from .step import Step, failed, no_answer, passed, skipped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..messages import DataModel

_NONE = "samples are held until the first mapping is there, and are sent within minutes"
# What UploadSettings says by default; a script may hold for any point.
_SOME = (
    "until then samples go out, and the platform drops these values of them, unless the script "
    'holds all of them: UploadSettings(unmapped="hold")'
)
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
        return no_answer(error, details=details)
    if odd is not None:
        return failed(
            "odd-answer",
            f"the platform answers {case.words(odd)} to the question for its model",
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
        return no_answer(error)
    if odd is not None:
        return failed(
            "odd-answer", f"the platform answers {case.words(odd)}", "wait and try again"
        )
    if view.note:
        return skipped(view.note)
    kinds = recorded_kinds(view.model, local, recorded_points(case.directory))
    faults = {point: view.fault(point, kind) for point, kind in sorted(kinds.items())}
    missing = {point: why for point, why in faults.items() if why}
    facts = {"points": len(kinds), "unmapped": list(missing), "why": missing}
    details = [printable(f"{point}: {why}") for point, why in missing.items()]
    if view.not_kept:
        ending = ", ".join(map(printable, view.not_kept))
        details.append(f"made without keepMapping, another model would delete them: {ending}")
        store = ModelStore(case.directory, case.fs)
        store.load()
        asks = store.model is not None and not view.shows(Configuration(_parsed(store.model)))
        if asks and model_waits(case.directory) and not covers(store.consent, view.not_kept):
            return failed(
                "consent",
                f"the data model here is held back: it would delete {len(view.not_kept)} mappings "
                "that were made without keepMapping",
                "make them again with keepMapping, or consent: mcagent model --lose-mappings",
                details=details,
                facts=facts,
            )
    if not missing:
        measured = f"all {len(kinds)} data points have a valid mapping"
        return passed(measured, details=details, facts=facts)
    return failed(
        "unmapped",
        f"{len(missing)} of {len(kinds)} data points have no valid mapping: the platform "
        f"answers 200 to their values and drops them: {', '.join(map(printable, missing))}",
        "map them to variables of an asset (Asset Manager, or POST dataPointMappings); "
        + (_NONE if len(missing) == len(kinds) else _SOME),
        details=details,
        facts=facts,
    )


def _local(case: Case) -> "tuple[DataModel | None, str]":
    store = ModelStore(case.directory, case.fs)
    note = store.load()
    return store.model, note


def _parsed(model: "DataModel") -> "dict[str, object]":
    import json

    found: "dict[str, object]" = json.loads(model.fragment())
    return found
