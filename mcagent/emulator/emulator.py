"""`Emulator`: a local Insights Hub as an object, for tests and programs."""

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from . import operations
from .app import build_application
from .authority import Authority
from .files import lock_directory
from .hub import Hub
from .scopes import ALL_SCOPES
from .server import Server, is_loopback
from .settings import Settings
from .timeseries import stored_records


class Emulator:
    """A local Insights Hub that runs in threads of this process.

    Example:
        >>> with Emulator(tls=False) as hub:
        ...     boarding = hub.create_agent("press-07", automap=True)

    Args:
        tls: Serve https with a CA of its own (`ca_file`); False: plain http.
        host: Address to bind; loopback unless told otherwise.
        port: Port; 0 takes a free one.
        data: Directory to keep everything in; None keeps it in RAM.
        settings: Switches, by name (settings.py); they come after *strict*.
        strict: Start from the harshest readings of the specification.
    """

    def __init__(
        self,
        *,
        tls: bool = True,
        host: str = "127.0.0.1",
        port: int = 0,
        data: "str | os.PathLike[str] | None" = None,
        settings: "dict[str, Any] | None" = None,
        strict: bool = False,
    ) -> None:
        self._initial = Settings.build(strict=strict, changes=settings)
        self._tls = tls
        self._host = host
        self._port = port
        self._data = os.fspath(data) if data is not None else None
        self._hub: Hub | None = None
        self._server: Server | None = None
        self._authority: Authority | None = None
        self._lock: int | None = None  # a descriptor

    def __enter__(self) -> "Emulator":
        self.start()
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        traceback: "TracebackType | None",
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Start to serve. With *data*, everything is there that was there before.

        Raises:
            OSError: The port is taken, or the directory cannot be used or is another hub's.
        """
        if self._hub is not None:
            raise RuntimeError("the emulator runs already")
        if self._data is not None:
            os.makedirs(self._data, mode=0o700, exist_ok=True)
            self._lock = lock_directory(self._data)
        context = None
        try:
            if self._tls:
                self._authority = Authority(self._data)
                context = self._authority.server_context(
                    self._host, urlsplit(self._initial.public_url).hostname or ""
                )
            hub = self._hub = Hub(Settings.build(changes=self._initial.as_dict()), self._data)
            self._server = Server(
                build_application(hub, loopback=is_loopback(self._host)),
                host=self._host,
                port=self._port,
                context=context,
                limits=hub.settings,
                is_reset=hub.faults.take_connection,
            )
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Close all connections, files and threads. A second call does nothing."""
        if self._server is not None:
            self._server.stop()
        if self._hub is not None:
            self._hub.close()
        if self._authority is not None:
            self._authority.close()
        if self._lock is not None:
            os.close(self._lock)
        self._server = self._hub = self._authority = self._lock = None

    # -- where it is

    @property
    def port(self) -> int:
        return self._running_server.port

    @property
    def url(self) -> str:
        """Origin, as it stands in boarding configurations."""
        return self._settings.public_url.rstrip("/") or self.local_url

    @property
    def local_url(self) -> str:
        """Origin by which this process reaches the hub."""
        scheme, name = ("https", "localhost") if self._tls else ("http", "127.0.0.1")
        if self._host not in ("127.0.0.1", "localhost", "0.0.0.0", "::", "::1"):  # noqa: S104
            name = self._host
        return f"{scheme}://{name}:{self.port}"

    @property
    def ca_file(self) -> str:
        """Path of the CA certificate (PEM) to trust; only with TLS."""
        if self._authority is None:
            raise RuntimeError("the emulator has no CA: it does not run, or without TLS")
        return self._authority.ca_file

    # -- operator

    def create_agent(
        self,
        name: str,
        security_profile: str = "SHARED_SECRET",
        automap: "bool | str" = False,
    ) -> dict[str, Any]:
        """Create an agent; give its boarding configuration.

        Args:
            name: Name, unique in this hub.
            security_profile: `SHARED_SECRET` or `RSA_3072`.
            automap: True makes a variable and a mapping for each data point that the agent
                describes, on its own asset (aspect = data source, variable = point); an asset's
                id does so on that asset. False: someone must map, as on the platform.

        Raises:
            mcagent.emulator.answers.Refusal: Name or profile is not valid, or the name is taken.
        """
        agent = operations.create_agent(self._running, name, security_profile)
        if automap:
            operations.automap(self._running, agent, automap)
        return self.boarding(agent)

    def boarding(self, agent: str) -> dict[str, Any]:
        """Give an agent's boarding configuration (again)."""
        return operations.boarding(self._running, agent, self.url)

    def offboard(self, agent: str) -> None:
        """Take an agent's credentials away; `boarding` then gives a fresh configuration."""
        operations.offboard(self._running, agent)

    def automap(self, agent: str, asset: "bool | str" = True) -> None:
        """Map each point of *agent*, now and at each new configuration; False ends it."""
        operations.automap(self._running, agent, asset)

    def create_credentials(self, name: str, scopes: Sequence[str] = ALL_SCOPES) -> dict[str, Any]:
        """Create service credentials; give the content of a credentials file, gateway included."""
        given = operations.create_application(self._running, name, scopes=tuple(scopes))
        return {**given, "gateway": self.url}

    def create_asset(
        self, name: str, aspects: "dict[str, dict[str, dict[str, Any]]] | None" = None
    ) -> str:
        """Create an asset; give its id.

        *aspects* is {aspect: {variable: {"type", "unit"?, "length"?, "qualityCode"?}}}.
        """
        return operations.create_asset(self._running, name, aspects or {})

    def seed(self, plant: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """Load a plant (docs/emulator.md, "Plants"); give the boarding configurations by agent.

        Raises:
            mcagent.emulator.answers.Refusal: An entry is wrong; nothing was loaded.
        """
        loaded = operations.seed(self._running, plant, self.url)
        return {agent["name"]: agent["boarding"] for agent in loaded["agents"]}

    def operator_token(self, scopes: Sequence[str]) -> str:
        """Give an operator's access token, for calls of the platform's own interface."""
        token = operations.operator_token(self._running, list(scopes), self.url)
        return str(token["access_token"])

    # -- what arrived

    def received(
        self, agent: "str | None" = None, kind: "str | None" = None, after: int = 0
    ) -> list[dict[str, Any]]:
        """Give what was received, before mapping; see `Journal.lines` for the members."""
        return list(self._running.journal.lines(agent=agent, kind=kind, after=after))

    def stored(
        self, asset: "str | None" = None, aspect: "str | None" = None
    ) -> list[dict[str, Any]]:
        """Give stored records: `asset`, `aspect`, `_time`, `values`, `quality`."""
        return list(stored_records(self._running.store, asset=asset, aspect=aspect))

    def events(self, asset: "str | None" = None) -> list[dict[str, Any]]:
        """Give stored events: `asset`, `agent`, `event`."""
        return operations.events(self._running, asset)

    def files(self, asset: "str | None" = None) -> list[dict[str, Any]]:
        """Give stored files: `asset`, `agent`, `name`, `type`, `created`, `size`, `sha256`."""
        return operations.files(self._running, asset)

    def file_content(self, sha256: str) -> bytes:
        """Give the bytes of a file by its hash."""
        return operations.file_content(self._running, sha256)

    def messages(self, agent: "str | None" = None) -> list[dict[str, Any]]:
        """Give diagnostic messages; there are some only while diagnostics are activated."""
        return operations.messages(self._running, agent)

    def recoverable_records(self, agent: "str | None" = None) -> list[dict[str, Any]]:
        """Give what was dropped after its 200: `id`, `agentId`, `dropReason` …"""
        return operations.recoverable_records(self._running, agent)

    def state(self) -> dict[str, Any]:
        """Give all counts, as `GET /_emulator/state` does."""
        return self._running.state()

    def breaches(self) -> list[dict[str, str]]:
        """Give the latest rules that were broken and not enforced: `time`, `switch`, `what`."""
        return self._running.breaches.show()

    def settle(self, timeout_s: float = 10.0) -> None:
        """Wait until everything that was accepted before has been processed.

        Raises:
            TimeoutError: It was not, within *timeout_s*.
        """
        if not self._running.worker.settle(timeout_s):
            raise TimeoutError(f"items are still pending after {timeout_s} s")

    # -- what goes wrong

    def set_faults(self, rules: "list[dict[str, Any]]") -> None:
        """Put fault rules (docs/emulator.md, "Faults") in force instead of the present ones.

        Raises:
            ValueError: One of them is not a rule.
        """
        self._running.faults.replace(rules)

    def faults(self) -> list[dict[str, Any]]:
        """Give the fault rules with their `id`, `hits`, and `state`."""
        return self._running.faults.show()

    def add_fault(self, action: str, **members: Any) -> str:
        """Put one more fault rule in force, behind the others; give its id.

        Raises:
            ValueError: It is not a rule.
        """
        return str(self._running.faults.add({"action": action, **members})["id"])

    def change_fault(self, fault: str, **members: Any) -> None:
        """Set members of one fault rule, such as `enabled`.

        Raises:
            KeyError: There is no such rule.
            ValueError: It would not be a rule.
        """
        self._running.faults.change(fault, members)

    def remove_fault(self, fault: str) -> None:
        """Forget one fault rule.

        Raises:
            KeyError: There is no such rule.
        """
        self._running.faults.remove(fault)

    def set_clock(self, offset_s: float) -> None:
        """Shift the platform's clock against this machine's."""
        operations.set_clock(self._running, offset_s)

    def change_settings(self, **changes: Any) -> None:
        """Set switches (settings.py) while the hub runs.

        Raises:
            ValueError: Unknown switch or bad value.
        """
        self._running.settings.change(changes)

    def disconnect(self) -> None:
        """Cut the link: close the listener and every TCP connection; nothing is forgotten."""
        self._running_server.disconnect()

    def reconnect(self) -> None:
        """Listen again on the same port."""
        self._running_server.reconnect()

    def clear(self) -> None:
        """Forget agents, assets, data, faults, clock offset and changed settings."""
        self._running_server.reconnect()
        self._running.clear(self._initial)

    @property
    def _running(self) -> Hub:
        if self._hub is None:
            raise RuntimeError("the emulator does not run")
        return self._hub

    @property
    def _running_server(self) -> Server:
        if self._server is None:
            raise RuntimeError("the emulator does not run")
        return self._server

    @property
    def _settings(self) -> Settings:
        return self._running.settings
