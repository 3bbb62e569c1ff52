"""The Node client: installed once by npm from the lock file here, then driven over a pipe."""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PACKAGE = "@mindconnect/mindconnect-nodejs"
INSTALL_S = 300
CALL_S = 180


class NodeError(Exception):
    """The client threw; the text is its own."""


class Unavailable(Exception):
    """Why the client cannot be run here."""


def install(cache):
    """Give the directory whose node_modules hold the client; `npm ci` only where *cache* lacks it.

    Args:
        cache: Directory that survives; what was installed is kept there by the lock file's hash.

    Raises:
        Unavailable: node or npm is missing, or npm failed.
    """
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            raise Unavailable("%s is not installed" % tool)
    with open(os.path.join(HERE, "package-lock.json"), "rb") as file:
        version = hashlib.sha256(file.read()).hexdigest()[:16]
    directory = os.path.join(cache, version)
    if os.path.exists(os.path.join(directory, "installed")):
        return directory
    os.makedirs(cache, exist_ok=True)
    # Several processes of one run may come here at once: the first installs, the others wait.
    with open(os.path.join(cache, "lock"), "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(os.path.join(directory, "installed")):
            _install(directory)
    return directory


def _install(directory):
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(HERE, name), directory)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier"]
    done = subprocess.run(
        command, cwd=directory, capture_output=True, text=True, timeout=INSTALL_S, check=False
    )
    if done.returncode:
        raise Unavailable("npm ci failed: " + done.stderr.strip()[-2000:])
    with open(os.path.join(directory, "installed"), "w", encoding="ascii"):
        pass


def environment(hub, home):
    """Give the environment of a Node process: the hub's CA, a home of its own, no proxy."""
    unwanted = ("http_proxy", "https_proxy", "node_extra_ca_certs", "mdsp_")
    kept = {k: v for k, v in os.environ.items() if not k.lower().startswith(unwanted)}
    # The command line asks its registry for news of itself unless it is told not to.
    kept.update(HOME=home, NO_UPDATE_NOTIFIER="1", NO_COLOR="1", FORCE_COLOR="0", TZ="UTC")
    if hub.url.startswith("https:"):
        kept["NODE_EXTRA_CA_CERTS"] = hub.ca_file
    return kept


def octets(content):
    """Give bytes as the bridge wants them: a Buffer over there."""
    return {"$bytes": base64.b64encode(content).decode()}


def date(epoch_ms):
    """Give a time as the bridge wants it: a Date over there."""
    return {"$date": epoch_ms}


COLLECT = {"$collect": True}


class Bridge:
    """One Node process; `used` lists the operations that were called and did not throw."""

    def __init__(self, modules, env):
        self.used = []
        self.collected = []
        self._count = 0
        self._process = subprocess.Popen(
            ["node", os.path.join(HERE, "bridge.js"), modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=env,
            text=True,
            encoding="utf-8",
        )

    def close(self):
        self._process.stdin.close()
        try:
            self._process.wait(CALL_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def ask(self, **request):
        # The client waits for ever where nothing answers: then the process is ended.
        watch = threading.Timer(CALL_S, self._process.kill)
        watch.start()
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise NodeError("node ended with status %r" % self._process.wait(CALL_S))
        answer = json.loads(line)
        if "error" in answer:
            raise NodeError(answer["error"])
        return answer

    def make(self, class_name, *args):
        """Make an object of the client; None as an argument is null over there."""
        self._count += 1
        name = "object-%d" % self._count
        self.ask(make=name, **{"class": class_name}, args=list(args))
        return Remote(self, name, class_name)

    def note(self, operation):
        """Say that what was called last was this variant of an operation."""
        self.used.append(operation)

    def methods(self, *classes):
        """Give the public methods by class."""
        return self.ask(methods=list(classes))["value"]


class Remote:
    """An object over there: `call("PostData", [...])`; `client("GetIoTFileClient")` goes deeper."""

    def __init__(self, bridge, name, class_name, via=()):
        self._bridge = bridge
        self._name = name
        self._class = class_name
        self._via = list(via)

    def client(self, *getters):
        return Remote(self._bridge, self._name, None, [*self._via, *getters])

    def about(self):
        """Give the object's class as `name`, and the `path` of the service that it asks."""
        return self._bridge.ask(**{"class": self._name}, via=self._via)["value"]

    def call(self, method, *args):
        """Call a method and wait for its promise; `collected` of the bridge has a callback's args.

        Raises:
            NodeError: It threw.
        """
        answer = self._bridge.ask(call=method, on=self._name, via=self._via, args=list(args))
        self._bridge.used.append("%s.%s" % (self._class or answer["of"], method))
        self._bridge.collected = answer["collected"]
        return answer["value"]
