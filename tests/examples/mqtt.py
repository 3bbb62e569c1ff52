"""The MQTT bridge with mosquitto: what the broker took is what the hub stores, whoever is killed."""

import datetime as dt
import json
import os
import shutil
import threading
import time

from tests.examples.scene import Comparison, Scene, answers, free_port, wait_for

CONFIGURATION = """
listener {port} 127.0.0.1
persistence_location {folder}/
"""
OPEN = "allow_anonymous true\n"
KEEPS = "persistence true\nautosave_on_changes true\nautosave_interval 1\n"


def mosquitto():
    """The broker's path; Debian keeps it from the PATH of users."""
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def broker_of(scene, more=OPEN + KEEPS):
    """A broker with *more* in its file, and its port."""
    port = free_port()
    path = os.path.join(scene.folder, "mosquitto.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(CONFIGURATION.format(port=port, folder=scene.folder) + more)
        if os.getuid() == 0:
            file.write("user root\n")
    return scene.program("mosquitto", mosquitto(), "-c", path, "-v"), port


class Publisher:
    """A machine that publishes numbers; `said` holds what the broker acknowledged."""

    def __init__(self, port, *, tls=(), user=()):
        from paho.mqtt.client import CallbackAPIVersion, Client

        self.said = {"oil_temperature": [], "strokes": []}
        self.client = Client(CallbackAPIVersion.VERSION2, "press", clean_session=False)
        self.client.reconnect_delay_set(0.1, 0.2)
        if tls:
            self.client.tls_set(*tls)
        if user:
            self.client.username_pw_set(*user)
        self._acknowledged = set()
        self.client.on_publish = lambda _client, _data, mid, *_: self._acknowledged.add(mid)
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    every_s = 0.01

    def start(self):
        self._thread.start()

    def close(self):
        """Of one that was not started."""
        self.client.disconnect()
        self.client.loop_stop()

    def send(self, topic, payload, *, qos=1, **options):
        """Return once the broker has acknowledged it; a broker that comes back gets it again."""
        mid = self.client.publish(topic, payload, qos=qos, **options).mid
        wait_for(lambda: mid in self._acknowledged, f"the broker never took {payload}")
        self._acknowledged.remove(mid)

    def _run(self):
        number = 0
        while not self._end.is_set():
            number += 1
            # Each number occurs once: what is stored twice or never can be named.
            self.send("press/7/oil", str(number / 4))
            self.said["oil_temperature"].append(number / 4)
            at = dt.datetime.now(dt.timezone.utc).isoformat(timespec="milliseconds")
            self.send("press/7/state", json.dumps({"at": at, "counters": {"strokes": number}}))
            self.said["strokes"].append(number)
            self._end.wait(self.every_s)

    def stop(self):
        self._end.set()
        self._thread.join()
        self.client.disconnect()
        self.client.loop_stop()


def run(folder, say=lambda line: None, *, phase_s=1.0):
    """Publish through an outage, kills of the bridge and of the broker; give the comparisons."""
    with Scene(folder, "mqtt_bridge", say) as scene:
        broker, port = broker_of(scene)
        broker.start()
        wait_for(lambda: answers(port), broker.output)
        bridge = scene.collector(port=port).start()
        # The session begins with the first subscription; what was before is not for us.
        wait_for(lambda: "Received SUBSCRIBE" in broker.output(), bridge.output)
        machine = Publisher(port)
        machine.start()
        try:
            wait_for(lambda: scene.stored("strokes"), bridge.output)
            time.sleep(phase_s)
            say("the link to the hub is cut")
            scene.hub.disconnect()
            time.sleep(phase_s)
            say("SIGKILL of the bridge")
            bridge.kill()
            time.sleep(phase_s)
            say("the broker is restarted")
            broker.stop()
            broker.start()
            time.sleep(phase_s / 2)
            say("the bridge is started")
            subscribed = broker.output().count("Received SUBSCRIBE")
            bridge.start()
            # A message that the broker took and has not written down yet must be on its way to us.
            wait_for(
                lambda: broker.output().count("Received SUBSCRIBE") > subscribed, bridge.output
            )
            time.sleep(phase_s)
            say("SIGKILL of the broker")
            broker.kill()
            time.sleep(phase_s / 2)
            broker.start()
            time.sleep(phase_s)
            say("SIGKILL of the bridge, and at once again")
            bridge.kill()
            bridge.start()
            time.sleep(phase_s / 2)
            say("the link to the hub is back")
            scene.hub.reconnect()
        finally:
            machine.stop()
        say("the machine is silent, the bridge catches up")

        def compared():
            return [
                Comparison(name, said, sorted(set(scene.stored(name).values())))
                for name, said in machine.said.items()
            ]

        try:
            wait_for(lambda: all(one.equal for one in compared()), "")
        except AssertionError:
            say("the comparison fails")
        status = bridge.stop()
        say(f"SIGTERM: the bridge ended with status {status}")
        assert status == 0, bridge.output()
        scene.hub.settle()
        twice = len(scene.stored("oil_temperature")) - len(machine.said["oil_temperature"])
        say(f"recorded twice, with another time: {twice}; events: {len(scene.hub.events())}")
        return compared()
