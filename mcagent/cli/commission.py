"""`mcagent commission`: bring the platform to what a file describes."""

import json
import sys

from .actions import Action, add_actions, run_action
from .common import count, show
from .consent import add_writing_options, ask
from .display import open_display
from .exits import INCOMPLETE, OK, complain
from .platformsession import open_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from ..services.commissioning import Commissioning
    from ..services.commissioning_plan import Change, Plan
    from ..services.session import Session

_SIGN = {"create": "+", "change": "~", "delete": "-"}
_LIMITS = ("XXS", "XS", "S", "M", "L", "XL", "none")


def configure(parser: "argparse.ArgumentParser") -> None:
    add_actions(parser, "commission", _ACTIONS)


def run(args: "argparse.Namespace") -> int:
    return run_action(args, _ACTIONS)


def _file_options(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "file", metavar="FILE", help="YAML or JSON: types, assets, agents with their mappings"
    )
    parser.add_argument(
        "--delete",
        action="store_true",
        help="also delete mappings of the file's agents that are not in the file",
    )
    parser.add_argument(
        "--limits",
        choices=_LIMITS,
        default="none",
        help="keep the limits of this plan of the tenant (default: none)",
    )


def _apply_options(parser: "argparse.ArgumentParser") -> None:
    _file_options(parser)
    parser.add_argument(
        "--lose-mappings",
        action="store_true",
        help="consent to the loss of mappings without keepMapping when a data model changes",
    )
    parser.add_argument(
        "--boarding",
        metavar="DIR",
        help="write a boarding file here for each agent that is not onboarded",
    )
    add_writing_options(parser, asks=True)


def _plan(args: "argparse.Namespace") -> int:
    with open_session(args) as session:
        plan = _commissioning(args, session).plan(delete=args.delete)
    _show_plan(args, plan)
    return INCOMPLETE if plan.conflicts else OK


def _apply(args: "argparse.Namespace") -> int:
    from ..services.commissioning import Stopped

    with open_session(args) as session:
        commissioning = _commissioning(args, session)
        plan = commissioning.plan(delete=args.delete)
        if args.dry_run:
            _show_plan(args, plan)
            return INCOMPLETE if plan.conflicts else OK
        # Refuses what has conflicts or lacks consent, before anybody is asked.
        steps = commissioning.apply(plan, lose_mappings=args.lose_mappings)
        _ask_for_losses(args, plan)
        done: list[Change] = []
        try:
            with open_display() as display:
                for change in steps:
                    done.append(change)
                    text = f"{len(done)} of {len(plan.changes)}: {change}"
                    display.progress(len(done) / len(plan.changes), text)
        except Stopped as stopped:
            # What is done is told even now.
            _show_done(args, plan, done, {}, stopped=stopped)
            raise stopped.error from stopped
        except KeyboardInterrupt:
            _show_done(
                args, plan, done, {}, stopped="interrupted in the next; apply goes on there"
            )
            raise
        boarding = _boarding(args, commissioning)
    _show_done(args, plan, done, boarding)
    return OK


def _commissioning(args: "argparse.Namespace", session: "Session") -> "Commissioning":
    from ..services.commissioning import Commissioning, load_plant

    plant = load_plant(args.file, tenant=session.credentials.tenant)
    return Commissioning(session, plant, limits=args.limits, on_wait=_told)


def _told(seconds: float) -> None:
    complain(f"waiting {seconds:.0f} s: the tenant has 1 050 such calls an hour")


def _boarding(args: "argparse.Namespace", commissioning: "Commissioning") -> "dict[str, str]":
    return dict(commissioning.save_boarding(args.boarding)) if args.boarding else {}


def _ask_for_losses(args: "argparse.Namespace", plan: "Plan") -> None:
    gone = [str(change) for change in plan.changes if change.action == "delete"]
    gone += [f"lose mapping {mapping}" for mapping in plan.loses]
    if gone:
        sys.stderr.write("".join(f"- {words}\n" for words in gone))
        ask(args, f"{count(len(gone), 'mapping')} will be deleted. Go on?")


def _show_plan(args: "argparse.Namespace", plan: "Plan") -> None:
    lines = [_line(change) for change in plan.changes]
    lines += [f"! loses mapping {mapping}" for mapping in plan.loses]
    lines += [f"? {words}" for words in plan.leftovers]
    lines += [f"x {words}" for words in plan.conflicts]
    lines.append(_summary(plan))
    show(args, _value(plan), "\n".join(lines))


def _show_done(
    args: "argparse.Namespace",
    plan: "Plan",
    done: "list[Change]",
    boarding: "dict[str, str]",
    *,
    stopped: "object | None" = None,
) -> None:
    value = {
        "done": [_change(change) for change in done],
        "missing": [_change(change) for change in plan.changes[len(done) :]],
        "leftovers": list(plan.leftovers),
        "boarding": boarding,
    }
    if stopped is not None:
        if args.json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
        else:
            complain(f"done: {len(done)} of {len(plan.changes)} steps; {stopped}")
        return
    lines = [_line(change) for change in done]
    lines += [f"? {words}" for words in plan.leftovers]
    lines += [f"boarding file of {name}: {path}" for name, path in boarding.items()]
    lines.append(
        f"done: {count(len(done), 'step')}"
        if done
        else "nothing to do: everything is as described"
    )
    show(args, value, "\n".join(lines))


def _summary(plan: "Plan") -> str:
    if plan.conflicts:
        return f"cannot be done: {count(len(plan.conflicts), 'conflict')}"
    if not plan.changes:
        return "nothing to do: everything is as described"
    by_action = {
        action: sum(change.action == action for change in plan.changes) for action in _SIGN
    }
    return "to do: " + ", ".join(f"{number} to {name}" for name, number in by_action.items())


def _line(change: "Change") -> str:
    about = f" ({change.agent})" if change.agent and change.agent != change.name else ""
    detail = f": {change.detail}" if change.detail else ""
    return f"{_SIGN[change.action]} {change.what} {change.name}{about}{detail}"


def _value(plan: "Plan") -> "dict[str, Any]":
    return {
        "changes": [_change(change) for change in plan.changes],
        "conflicts": list(plan.conflicts),
        "leftovers": list(plan.leftovers),
        "loses": [str(mapping) for mapping in plan.loses],
    }


def _change(change: "Change") -> "dict[str, str]":
    members = ("action", "what", "name", "agent", "detail")
    return {member: getattr(change, member) for member in members}


_ACTIONS = {
    "plan": Action("show what would change, and change nothing", _file_options, _plan),
    "apply": Action("make what is missing; twice is harmless", _apply_options, _apply),
}
