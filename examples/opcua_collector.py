"""Subscribe to nodes of an OPC UA server and send each change to Insights Hub.

    pip install mcagent asyncua
    python opcua_collector.py opcua_collector.toml

Times are the source's, quality codes the server's status codes. It runs until Ctrl-C or SIGTERM.
"""

import datetime as dt
import logging

from asyncua.sync import Client
from asyncua.ua import UaError

from mcagent import AgentError, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector
from mcagent.collectorfile import value_of

OPCUA = {"url": str, "publish_every_s": 0.5, "timeout_s": 4.0}
POINT = {"node": str}
QUEUE = 1000  # changes of one node that the server keeps between two publications
LOST = (UaError, OSError, TimeoutError)


class Subscriber:
    """The server's subscription, made anew whenever it was lost; asyncua's thread calls us."""

    def __init__(self, file, agent):
        self.peer, self.agent, self.troubles = file.peer, agent, file.troubles
        self.points, self.last = file.points, {}
        self.link = Link(agent, file.peer.url)
        self.client = None
        self.ended = ""

    def tick(self):
        """Look after the connection; values come by `datachange_notification`."""
        try:
            if self.client is None:
                self.connect()
            self.client.check_connection()
        except LOST as error:
            self.ended = str(error) or type(error).__name__
        if self.ended:
            self.link.lost(self.ended)
            self.disconnect()

    def connect(self):
        self.ended = ""
        self.client = Client(self.peer.url, timeout=self.peer.timeout_s)
        self.client.connect()
        period_ms = self.peer.publish_every_s * 1000
        subscription = self.client.create_subscription(period_ms, self)
        self.ids = {}
        for point in self.points:
            try:
                node = self.client.get_node(point.node)
                self.ids[node.nodeid] = point
                subscription.subscribe_data_change(node, queuesize=QUEUE)
            except UaError as error:  # this node alone
                hint = "is the node's id right, and may this user read it?"
                self.troubles.tell(f"{point.id} = {point.node}", repr(error), hint=hint)
        self.link.made()

    def disconnect(self):
        client, self.client = self.client, None
        try:
            if client is not None:
                client.disconnect()
        except LOST:
            pass  # it was gone already

    def status_change_notification(self, status):
        self.ended = f"the server ended the subscription: {status.Status}"

    def datachange_notification(self, node, value, data):
        point = self.ids[node.nodeid]
        try:
            self.record(point, value, data.monitored_item.Value)
        except InvalidMessage as error:
            self.troubles.tell(point.id, str(error), hint=error.hint)
        except AgentError as error:  # a full disk
            self.troubles.tell("lost", f"{point.id}: {error}", hint=error.hint)

    def record(self, point, value, told):
        """A value that is none keeps the last one, with the status that says why."""
        status = told.StatusCode.value if told.StatusCode else 0
        try:
            value = self.last[point.id] = value_of(point.type, value)
        except InvalidMessage:
            if not status or point.id not in self.last:
                raise
            value = self.last[point.id]
        when = told.SourceTimestamp or told.ServerTimestamp
        if when is not None and when.tzinfo is None:
            when = when.replace(tzinfo=dt.timezone.utc)  # OPC UA knows UTC only
        self.agent.record({point.id: value}, timestamp=when, quality_code=status)


def check(point):
    if "i=" not in point.node and "s=" not in point.node:
        hint = '"ns=2;s=oil", or "ns=2;i=5"'
        raise ConfigurationError(f"{point.node!r} is no node id", hint=hint)


def main(path):
    logging.getLogger("asyncua").setLevel(logging.CRITICAL)  # tracebacks; the link says it
    file = CollectorFile(path, "opcua", OPCUA, POINT, together="node", check=check)
    with file.open_agent() as agent:
        subscriber = Subscriber(file, agent)
        agent.run(subscriber.tick, every_s=0.5)
        subscriber.disconnect()
        print(file.troubles)


if __name__ == "__main__":
    run_collector(main, __doc__)
