"""Who a command of the platform's services asks as, and where: options, environment, session."""

import os

from ..errors import ConfigurationError
from .common import add_network_options, keep_log_quiet
from .exits import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from ..services.session import Session

_WAYS = "--credentials FILE (or $MCAGENT_CREDENTIALS), or --agent DIR for an agent's own token"


def add_platform_options(parser: "argparse.ArgumentParser") -> None:
    """`--credentials`, `--agent`, `--gateway`, `--timeout` and the options of the network."""
    parser.add_argument(
        "--credentials",
        metavar="FILE",
        help="JSON with clientId, clientSecret, tenant, and appName and appVersion of an "
        "application (default: $MCAGENT_CREDENTIALS)",
    )
    parser.add_argument(
        "--agent",
        metavar="DIR",
        help="ask with the token of the agent that was onboarded in this state directory",
    )
    parser.add_argument(
        "--gateway",
        metavar="URL",
        help="https://gateway.eu1.mindsphere.io (default: $MCAGENT_GATEWAY, then the file's own)",
    )
    parser.add_argument(
        "--timeout",
        metavar="S",
        type=float,
        default=120.0,
        help="longest time of one request in all, its repetitions included (default: 120)",
    )
    add_network_options(parser)


def open_session(args: "argparse.Namespace") -> "Session":
    """The session that the options name.

    Raises:
        UsageError: They name none.
        ConfigurationError: The file or the address is unusable.
    """
    from ..services.credentials import AgentCredentials, Credentials, read_credentials
    from ..services.session import Session

    keep_log_quiet(args)
    if args.agent and args.credentials:
        raise UsageError("--agent and --credentials exclude each other", hint=f"give {_WAYS}")
    if not 0 < args.timeout <= 86_400:
        raise UsageError(f"--timeout {args.timeout:g} is no time to wait", hint="give seconds")
    path = args.credentials or os.environ.get("MCAGENT_CREDENTIALS", "")
    credentials: Credentials
    if args.agent:
        credentials = agent = AgentCredentials(args.agent)
        gateway = agent.gateway
    elif path:
        credentials, gateway = read_credentials(path)
    else:
        raise UsageError("nothing says who asks", hint=f"give {_WAYS}")
    gateway = args.gateway or os.environ.get("MCAGENT_GATEWAY", "") or gateway
    if not gateway:
        raise ConfigurationError(
            "no gateway is named",
            hint="give --gateway URL, set MCAGENT_GATEWAY, or put it into the credentials file",
        )
    return Session(
        gateway,
        credentials,
        ca_file=args.ca,
        crl_file=args.crl,
        proxy=args.proxy,
        timeout_s=args.timeout,
    )
