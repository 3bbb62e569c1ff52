"""Subscribe to nodes of an OPC UA server and send each change to Insights Hub.

    pip install mcagent asyncua
    python opcua_collector.py opcua_collector.toml

Times are the source's, quality codes the server's status codes. What changed while nobody
listened is read from the server's history. It runs until Ctrl-C or SIGTERM.
"""

import asyncio
import datetime as dt
import logging
import time
from urllib.parse import urlsplit

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.sync import Client
from asyncua.ua import UaError, UaStatusCodeError, uaerrors
from cryptography import x509

from mcagent import AgentError, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector, secret
from mcagent.collectorfile import value_of
from mcagent.progress import Progress

POLICIES = ("None", "Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
OPCUA = {"url": str, "publish_every_s": 0.5, "timeout_s": 4.0, "history": True, "username": ""}
OPCUA |= {"security": POLICIES, "mode": ("SignAndEncrypt", "Sign")}
FILES = {"certificate": "", "key": "", "server_certificate": ""}
POINT = {"node": str}
QUEUE = 1000  # changes of one node that the server keeps between two publications
PAGE = 1000  # values of the history in one answer
SAVE_EVERY_S = 10
LOST = (UaError, OSError, TimeoutError, asyncio.TimeoutError)  # one and the same since Python 3.11
GONE = (uaerrors.BadSessionIdInvalid, uaerrors.BadSessionClosed, uaerrors.BadSecureChannelClosed)
GONE += (uaerrors.BadConnectionClosed, uaerrors.BadCommunicationError, uaerrors.BadTimeout)


class Subscriber:
    """The server's subscription, made anew whenever it was lost; asyncua's thread calls us."""

    def __init__(self, file, agent, uri, password):
        self.file, self.peer, self.agent, self.troubles = file, file.peer, agent, file.troubles
        self.uri, self.password, self.last, self.client, self.ended = uri, password, {}, None, ""
        self.link = Link(agent, file.peer.url)
        self.progress = Progress(agent, "opcua_progress.json")  # point -> time of its newest value
        self.saved_s, self.saved = 0.0, 0
        self.delay_s, self.again_s = 0.0, 0.0  # of the next try to connect
        self.torn = self.lost = False  # values may be missing since the times in there

    def tick(self):
        """Look after the connection and the history; changes come by `datachange_notification`."""
        now_s = time.monotonic()
        if self.client is None and now_s < self.again_s:
            return
        try:
            if self.client is None:
                self.connect()
            self.client.check_connection()
            if self.lost:
                self.lost, self.torn, self.reading = False, True, self.history()
            while self.torn and time.monotonic() < now_s + 0.3:  # then SIGTERM and watchdog again
                next(self.reading)
        except LOST as error:
            self.ended = str(error) or type(error).__name__
        except AgentError as error:  # a full disk: the server keeps what we cannot
            self.troubles.tell("history", str(error), hint=error.hint)
            self.lost = True
        if self.ended:
            self.link.lost(self.ended)
            self.disconnect()
            self.delay_s = min(10, 2 * self.delay_s + 0.5)
            self.again_s = time.monotonic() + self.delay_s
        elif len(self.progress.done) > self.saved or now_s >= self.saved_s + SAVE_EVERY_S:
            self.saved_s, self.saved = now_s, len(self.progress.done)
            self.progress.save()

    def connect(self):
        self.ended, self.torn, peer = "", True, self.peer
        self.client = Client(peer.url, timeout=peer.timeout_s)
        if peer.username:
            self.client.set_user(peer.username)
            self.client.set_password(self.password)
        if peer.security != "None":
            self.client.application_uri = self.uri
            self.client.set_security(
                getattr(security_policies, "SecurityPolicy" + peer.security),
                certificate=self.file.path(peer.certificate),
                private_key=self.file.path(peer.key),
                server_certificate=self.file.path(peer.server_certificate),
                mode=ua.MessageSecurityMode[peer.mode],
            )
        self.client.connect()
        self.reading = self.history()
        subscription = self.client.create_subscription(peer.publish_every_s * 1000, self)
        self.points = {}
        for point in self.file.points:
            node = self.client.get_node(point.node)
            try:
                self.points[node.nodeid] = point
                subscription.subscribe_data_change(node, queuesize=QUEUE)
            except GONE:
                raise
            except UaStatusCodeError as error:  # this node alone
                hint = "is the node's id right, and may this user read it?"
                self.troubles.tell(f"{point.id} = {point.node}", repr(error), hint=hint)
                del self.points[node.nodeid]
        self.delay_s = 0.0
        self.link.made()

    def disconnect(self):
        client, self.client = self.client, None
        try:
            if client is not None:
                client.disconnect()
        except LOST:
            pass  # it was gone already

    def history(self):
        """Record what the server kept since the newest value that is safe here, page by page."""
        return self.pages(dict(self.progress.done))

    def pages(self, safe):
        for nodeid, point in self.points.items() if self.peer.history else ():
            begin, mark = safe.get(point.id), None
            while begin:
                start, end = dt.datetime.fromisoformat(begin), dt.datetime.now(dt.timezone.utc)
                end = max(start, end) + dt.timedelta(days=1)  # whatever the server's clock says
                details = ua.ReadRawModifiedDetails(False, start, end, PAGE, False)
                try:
                    page = self.client.get_node(nodeid).history_read(details, mark)
                    page.StatusCode.check()
                    values, mark = page.HistoryData.DataValues, page.ContinuationPoint
                    told = "" if values else f"there is nothing since {begin}"  # not even that
                except GONE:
                    raise
                except UaStatusCodeError as error:
                    values, mark, told = [], None, repr(error)
                if told:
                    hint = "what changed while nobody listened is lost; history = false is silent"
                    self.troubles.tell(f"history of {point.id}", told, hint=hint)
                for value in values:
                    self.take(point, value)
                newest = time_of(values[-1]).isoformat() if values else begin
                if not mark and (len(values) < PAGE or newest == begin):
                    break
                begin = self.progress.done[point.id] = newest
                yield
            yield
        self.torn = False
        yield

    def status_change_notification(self, status):
        self.ended = f"the server ended the subscription: {status.Status}"

    def datachange_notification(self, node, _value, data):
        point, told = self.points[node.nodeid], data.monitored_item.Value
        try:
            self.take(point, told)
        except AgentError as error:  # a full disk
            self.troubles.tell(point.id, str(error), hint=error.hint)
            self.lost = True
        else:
            behind = (self.torn or self.lost) and point.id in self.progress.done
            if time_of(told) and not behind:
                self.progress.done[point.id] = time_of(told).isoformat()

    def take(self, point, told):
        """Record a value; one that is none keeps the last one, with the status that says why."""
        status, when = told.StatusCode.value if told.StatusCode else 0, time_of(told)
        try:
            try:
                raw = told.Value.Value if told.Value else None
                value = value_of(point.type, raw, length=point.length)
                self.last[point.id] = value
            except InvalidMessage:
                if not status or point.id not in self.last:
                    raise
                value = self.last[point.id]
            self.agent.record({point.id: value}, timestamp=when, quality_code=status)
        except InvalidMessage as error:
            self.troubles.tell(point.id, str(error), hint=error.hint)


def time_of(told):
    """The source's time, without one the server's; OPC UA knows UTC only."""
    when = told.SourceTimestamp or told.ServerTimestamp
    return when.replace(tzinfo=dt.timezone.utc) if when else None


def has_address(url):
    try:
        parts = urlsplit(url)
        return parts.scheme == "opc.tcp" and bool(parts.hostname and parts.port)
    except ValueError:  # a port that cannot be
        return False


def application_uri(file):
    """The name that our certificate gives us: servers refuse another."""
    path = file.path(file.peer.certificate)
    try:
        for name in FILES:
            with open(file.path(getattr(file.peer, name)), "rb") as content:
                data = content.read()
            if name == "certificate":
                pem = data.startswith(b"-----")
                load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
                names = load(data).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return names.value.get_values_for_type(x509.UniformResourceIdentifier)[0]
    except (OSError, ValueError, LookupError, x509.ExtensionNotFound) as error:
        hint = f"security needs {', '.join(FILES)}: docs/collectors/opcua_collector.md makes them"
        raise ConfigurationError(f"{path or 'certificate'}: {error!r}", hint=hint) from error


def check(point):
    try:
        ua.NodeId.from_string(point.node)
    except (UaError, ValueError) as error:
        raise ConfigurationError(str(error), hint='"ns=2;s=oil", or "ns=2;i=5"') from error


def main(path):
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # tracebacks; the link says it
    file = CollectorFile(
        path, "opcua", OPCUA | FILES, POINT, together="node", unique="node", check=check
    )
    if "@" in file.peer.url:
        hint = "username, and its password in the environment: OPCUA_PASSWORD"
        raise ConfigurationError(f"{file.peer.where}: url names a user", hint=hint)
    if not has_address(file.peer.url):
        hint = 'an endpoint of the server with its port: "opc.tcp://10.0.0.7:4840"'
        raise ConfigurationError(f"{file.peer.where}: no url {file.peer.url[:80]!r}", hint=hint)
    uri = application_uri(file) if file.peer.security != "None" else ""
    password = secret("OPCUA_PASSWORD") if file.peer.username else ""
    # What a full buffer refuses stays with the server that keeps a history.
    with file.open_agent(policy="reject" if file.peer.history else None) as agent:
        subscriber = Subscriber(file, agent, uri, password)
        agent.run(subscriber.tick, every_s=0.5)
        subscriber.disconnect()
        subscriber.progress.save()
        print(file.troubles)


if __name__ == "__main__":
    run_collector(main, __doc__)
