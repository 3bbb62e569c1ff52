"""`mcagent status --platform`: what became of the samples after the platform's 200."""

from . import exits
from .common import add_network_options, keep_log_quiet

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any


class PlatformPart:
    """The part of a status that the platform told, or why it did not.

    Attributes:
        value: For JSON: the report, or ``{"error", "hint"}``.
        text: For people.
        code: What the command ends with.
    """

    def __init__(self, value: "dict[str, Any]", lines: "list[str]", code: int) -> None:
        self.value = value
        self.text = "\n".join(["the platform says:", *("  " + line for line in lines)])
        self.code = code


def configure(parser: "argparse.ArgumentParser") -> None:
    parser.add_argument(
        "--platform",
        action="store_true",
        help="also ask the platform what it made of the samples: mappings, what was dropped, why",
    )
    parser.add_argument(
        "--switch-diagnostics-on",
        action="store_true",
        help="with --platform: have it write diagnostic messages for an hour from now",
    )
    add_network_options(parser)


def check(args: "argparse.Namespace") -> None:
    """Raises UsageError where the options do not fit together."""
    if args.switch_diagnostics_on and not args.platform:
        raise exits.UsageError(
            "--switch-diagnostics-on is said to the platform", hint="give --platform, too"
        )


def ask(args: "argparse.Namespace", directory: str) -> PlatformPart:
    """Ask with the agent's credentials, beside the service that may own the directory."""
    from ..diagnosis.aftermath import read_aftermath, take_token
    from ..diagnosis.case import Case
    from ..diagnosis.following import follow_service
    from ..errors import AgentError, ConfigurationError

    keep_log_quiet(args)
    case = Case(directory, ca_file=args.ca, crl_file=args.crl, proxy=args.proxy)
    try:
        case.read_record()
        follow_service(case)
        if case.proxy_secret:
            raise ConfigurationError(
                f"the running service gives its proxy {case.proxy_setting} a user and a password, "
                "which it tells nobody",
                hint="--proxy http://user:password@host:port goes the same way",
            )
        take_token(case)
        found = read_aftermath(case, switch_on=args.switch_diagnostics_on)
    except AgentError as error:
        # The rest of the status does not need the platform.
        message, hint = exits.describe(error)
        lines = ["nothing: " + message] + (["hint: " + hint] if hint else [])
        return PlatformPart({"error": message, "hint": hint}, lines, exits.code_of(error))
    finally:
        case.transport.close()
    code = exits.OK if found.is_well else exits.INCOMPLETE
    return PlatformPart(found.to_dict(), found.lines(), code)
