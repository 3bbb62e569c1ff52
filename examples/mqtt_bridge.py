"""Bring what an MQTT broker hands out to Insights Hub, topic by topic as a table says.

    pip install mcagent paho-mqtt
    python mqtt_bridge.py mqtt_bridge.toml

A message is acknowledged to the broker only once it is on this device's disk: kill the broker or
the bridge, and what was not yet here is sent again. It runs until Ctrl-C or SIGTERM.
"""

import json
import sys
import threading
import time

from paho.mqtt.client import CallbackAPIVersion, Client

from mcagent import AgentError, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, Link, run_collector, secret
from mcagent.collectorfile import TIME_FORMATS, time_ms, value_of
from mcagent.progress import Progress

MQTT = {"host": str, "port": 1883, "client_id": str, "username": ""}
MQTT |= {"tls_ca": "", "tls_certificate": "", "tls_key": "", "silent_s": 3600.0}
POINT = {"topic": str, "field": "", "time": "", "time_format": TIME_FORMATS}
GROUP = 10  # messages that share one sync; brokers leave 20 (mosquitto) or more unacknowledged


class Bridge:
    """Messages wait here, a few at most, until they are durable and so can be acknowledged."""

    def __init__(self, file, agent, client):
        self.agent, self.client, self.troubles = agent, client, file.troubles
        self.link = Link(agent, f"mqtt {file.peer.host}:{file.peer.port}")
        self.progress = Progress(agent, "mqtt_session.json")  # what the broker keeps for us
        self.session = f"{file.peer.client_id} at {file.peer.host}:{file.peer.port}"
        self.topics = {}
        for point in file.points:
            self.topics.setdefault(point.topic, []).append(point)
        self.silent_s, self.since_s = file.peer.silent_s, None  # since the first subscription
        self.unheard = set(self.topics)
        self.lock = threading.Lock()
        self.waiting = []  # messages that came, in order
        self.recorded = 0  # so many of them have been recorded
        client.on_connect, client.on_disconnect = self.on_connect, self.on_disconnect
        client.on_subscribe, client.on_message = self.on_subscribe, self.on_message
        forever = {"retry_first_connection": True}
        self.listener = threading.Thread(target=client.loop_forever, kwargs=forever, daemon=True)
        client.on_connect_fail = lambda *_: self.link.lost(repr(sys.exc_info()[1]))

    def on_connect(self, client, _data, flags, reason, _properties):
        if reason.is_failure:
            return self.link.lost(f"the broker refuses: {reason}")
        with self.lock:  # the numbers of what waits are the old connection's
            waiting, self.waiting, recorded, self.recorded = self.waiting, [], self.recorded, 0
        if not flags.session_present and self.progress.done.get("session") == self.session:
            hint = "does it keep its persistence? let it keep sessions for longer"
            told = "the broker forgot what it kept for us, which is lost"
            self.troubles.tell("session", told, hint=hint)
        try:  # a broker that was killed may not know what it had sent: better twice than never
            for message in waiting[recorded:]:
                self.record(message)
        except AgentError as error:
            self.troubles.tell("reconnected", str(error), hint=error.hint)
        self.link.made()
        return client.subscribe([(topic, 1) for topic in self.topics])

    def on_disconnect(self, _client, _data, _flags, reason, _properties):
        if reason.is_failure:
            self.link.lost(reason)

    def on_subscribe(self, _client, _data, _mid, reasons, _properties):
        for topic, reason in zip(self.topics, reasons):
            if reason.is_failure:
                self.troubles.tell(topic, f"the broker refuses the topic: {reason}")
        self.progress.done["session"] = self.session
        self.since_s = self.since_s or time.monotonic()

    def tick(self):
        if not self.listener.is_alive():  # a mistake in there must not go unnoticed for years
            raise SystemExit("the thread that listens to the broker has ended: start again")
        self.settle()  # None: it records by itself
        if self.silent_s and self.since_s and time.monotonic() - self.since_s > self.silent_s:
            told, self.silent_s = f"nothing has come for {self.silent_s:g} s", 0
            with self.lock:
                unheard = sorted(self.unheard)
            for topic in unheard:  # a broker takes any name
                hint = "is it spelled as the sender spells it, and does this user have the right?"
                self.troubles.tell(topic, told, hint=hint)

    def on_message(self, _client, _data, message):
        with self.lock:
            self.unheard.discard(message.topic)
            self.waiting.append(message)
            if len(self.waiting) < GROUP:
                return
        try:
            self.settle()
        except AgentError:
            pass  # a full disk: the loop meets it again, and tells

    def settle(self):
        """Make durable what came, then acknowledge it; a full disk leaves it with the broker."""
        with self.lock:
            while self.waiting:
                while self.recorded < min(GROUP, len(self.waiting)):
                    self.record(self.waiting[self.recorded])
                    self.recorded += 1
                self.agent.flush()
                for message in self.waiting[: self.recorded]:
                    self.client.ack(message.mid, message.qos)
                del self.waiting[: self.recorded]
                self.recorded = 0
        self.progress.save()

    def record(self, message):
        """What nobody can use is told, counted and acknowledged: it would come again for ever."""
        samples = {}
        for point in self.topics.get(message.topic, []):
            try:
                value, when = read(point, message)
                samples.setdefault(when, {})[point.id] = value
            except InvalidMessage as error:
                self.troubles.tell(f"{message.topic} → {point.id}", str(error), hint=error.hint)
        if message.topic not in self.topics:
            self.client.unsubscribe(message.topic)  # the session remembers an older table
            self.troubles.tell(message.topic, "is not in the table", hint="unsubscribed")
        for when, values in samples.items():
            try:
                self.agent.record(values, timestamp=when)
            except InvalidMessage as error:
                self.troubles.tell(message.topic, str(error), hint=error.hint)


def read(point, message):
    """Value and time (None: now) of *point* in *message*."""
    try:
        text = message.payload.decode()
        if not point.field:
            payload, raw = None, text
        else:
            raw = payload = json.loads(text)
            for name in point.field.split("."):
                raw = raw[int(name)] if isinstance(raw, list) else raw[name]
        when = time_ms(payload[point.time], point.time_format) if point.time else None
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        hint = "mend the sender, or field and time in the table"
        raise InvalidMessage(
            f"cannot read {message.payload[:60]!r}: {error!r}", hint=hint
        ) from error
    if message.retain and when is None:
        raise InvalidMessage("a retained message says not from when it is", hint="left out")
    return value_of(point.type, raw, length=point.length), when


def check(point):
    if set(point.topic) & set("+#") or point.topic.startswith("$share/"):
        hint = "one line for each topic: the point of a group would be anybody's"
        raise ConfigurationError(f"{point.where}: {point.topic!r} is no single topic", hint=hint)
    if len(point.topic.encode()) > 65535:
        raise ConfigurationError(f"{point.where}: a topic that is too long", hint="65535 bytes")
    if point.time and not point.field:
        hint = "time stands in JSON, so field must be named"
        raise ConfigurationError(f"{point.where}: a time that cannot be read", hint=hint)


def main(path):
    file = CollectorFile(path, "mqtt", MQTT, POINT, together="topic", check=check)
    # A session that outlives the connection: the broker keeps what comes while we are away.
    client = Client(
        CallbackAPIVersion.VERSION2, file.peer.client_id, clean_session=False, manual_ack=True
    )
    client.reconnect_delay_set(1, 30)
    peer = file.peer
    if bool(peer.tls_certificate) != bool(peer.tls_key) or (peer.tls_key and not peer.tls_ca):
        hint = 'tls_certificate and tls_key belong together; tls_ca is a PEM file, or "system"'
        raise ConfigurationError(f"{peer.where}: TLS that is not whole", hint=hint)
    if peer.username:
        client.username_pw_set(peer.username, secret("MQTT_PASSWORD"))
    if peer.tls_ca:
        authority = None if peer.tls_ca == "system" else file.path(peer.tls_ca)
        pems = [file.path(path) or None for path in (peer.tls_certificate, peer.tls_key)]
        try:
            client.tls_set(authority, *pems)
        except (OSError, ValueError) as error:
            hint = "tls_ca, tls_certificate and its tls_key are PEM files"
            told = f"{peer.where}: {', '.join(filter(None, (authority, *pems)))}: {error}"
            raise ConfigurationError(told, hint=hint) from error
    with file.open_agent(policy="reject") as agent:  # the broker can wait
        bridge = Bridge(file, agent, client)
        client.connect_async(file.peer.host, file.peer.port)
        bridge.listener.start()
        try:
            agent.run(bridge.tick, every_s=0.1)
            bridge.settle()
        finally:
            client.disconnect()
            bridge.listener.join(5)
            print(file.troubles)


if __name__ == "__main__":
    run_collector(main, __doc__)
