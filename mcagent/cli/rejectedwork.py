"""`mcagent rejected replay` and `drop`: in the buffer itself, or by the service that owns it."""

import sys

from ..buffer.reject import DROP, REPLAY
from ..errors import ConfigurationError
from .bufferwork import open_survey
from .common import count, show, state_directory
from .exits import INCOMPLETE, OK, NotComplete, UsageError, code_of, complain, describe
from .rejectedlist import choose, count_of, read_refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..rejected import Name, Outcome
    from .rejectedlist import Refused

_DONE = {REPLAY: "put back to be sent", DROP: "dropped"}


def run_replay(args: "argparse.Namespace") -> int:
    return _run(args, REPLAY)


def run_drop(args: "argparse.Namespace") -> int:
    return _run(args, DROP)


def _run(args: "argparse.Namespace", what: str) -> int:
    directory = state_directory(args).rstrip("/") or "/"
    survey = open_survey(args)
    if survey.directory != directory + "/buffer":
        raise UsageError(
            f"{directory} is a buffer without its state directory",
            hint="name the state directory that it stands in",
        )
    chosen = choose(read_refused(survey)[0], args)
    if not chosen:
        show(args, _value(what, "buffer", []), "nothing is refused")
        return OK
    if what == DROP and not args.yes:
        _ask(chosen)
    names = list(dict.fromkeys([(record.lane, record.sequence) for record in chosen]))
    from ..credentials.keystore import StateLock

    lock = StateLock(directory)
    try:
        lock.acquire()
    except ConfigurationError as error:
        return _hand_over(args, directory, what, names, owner=error.message)
    try:
        outcome = _resolve(directory, what, names)
    finally:
        lock.release()
    return _report(args, what, outcome)


def _ask(chosen: "list[Refused]") -> None:
    if not sys.stdin.isatty():
        raise UsageError(
            "mcagent rejected drop asks first, and there is nobody to ask",
            hint="--yes drops without asking",
        )
    sys.stderr.write(f"Drop {count_of(chosen)} for ever? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise NotComplete("nothing was dropped")


def _resolve(directory: str, what: str, names: "list[Name]") -> "Outcome":
    from ..buffer import Buffer
    from ..rejected import resolve

    buffer = Buffer(directory + "/buffer")
    buffer.open()
    try:
        return resolve(buffer, what, names)
    finally:
        buffer.close()


def _hand_over(
    args: "argparse.Namespace", directory: str, what: str, names: "list[Name]", *, owner: str
) -> int:
    """Leave it in the inbox, and wait a while for the owner to do it."""
    from .rejectedowner import Request

    request = Request(directory, what, names)
    if not args.wait:
        text = f"{count(len(names), 'refused record')}: left in the inbox ({owner})"
        show(args, _value(what, "inbox", names), text)
        return OK
    if request.wait(args.wait):
        return _report(args, what, request.outcome(args), "service")
    show(args, _value(what, "inbox", names), "")
    complain(
        f"{count(len(names), 'refused record')}: left in the inbox, and not done within "
        f"{args.wait:g} s ({owner})",
        "it is done as soon as a request that is under way has ended, or with the next call of "
        "upload() or step(); mcagent rejected ls shows when",
    )
    return INCOMPLETE


def _report(
    args: "argparse.Namespace", what: str, outcome: "Outcome", place: str = "buffer"
) -> int:
    value = _value(what, place, outcome.done)
    value["kept"] = [{"record": _text(name), "reason": why} for name, why in outcome.refused] + [
        {"record": _text(name), "reason": str(outcome.trouble)}
        for name in outcome.left
        if outcome.trouble is not None
    ]
    by = " by the service" if place == "service" else ""
    show(args, value, f"{count(len(outcome.done), 'refused record')} {_DONE[what]}{by}")
    for name, why in outcome.refused:
        complain(f"{_text(name)} stays where it is: {why}")
    for name in outcome.missing:
        complain(f"{_text(name)} is not in the store any more")
    if outcome.trouble is not None:
        left = count(len(outcome.left), "refused record")
        what_happened, hint = describe(outcome.trouble)
        complain(f"{left} left where they are: {what_happened}", hint)
        return code_of(outcome.trouble)
    return INCOMPLETE if outcome.refused or outcome.missing else OK


def _value(what: str, place: str, names: "list[Name]") -> "dict[str, object]":
    return {"action": what, "place": place, "records": [_text(name) for name in names]}


def _text(name: "Name") -> str:
    return f"{name[0]}/{name[1]}"
