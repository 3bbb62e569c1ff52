"""`mcagent doctor` names the right cause, on real things: each fault in the world, none in a mock.

The figures at the end are the table: fault, step, cause.
"""

import json
import os
import shutil
import ssl
import time

import pytest

from mcagent.emulator.authority import Authority
from tests.cli.running import inside
from tests.diagnosis.conftest import HUB
from tests.faults.mounts import fill, tmpfs
from tests.network.nameserver import NameServer
from tests.network.wire import ADDRESSES, PLATFORM
from tests.transport import certificates
from tests.transport.servers import Server

MONTH_S, WEEK_S = 30 * 86_400, 7 * 86_400
PORT = 8443


def no_dns(patient, request):
    """No name server answers."""
    network = _named(patient, request, resolver_waits_s=1)
    network.drop()


def wrong_dns_no_such_name(patient, request):
    """The name server answers, and does not know the name."""
    network = _named(patient, request)
    _name_server(patient, network, "other.test", ADDRESSES[PLATFORM])


def wrong_dns_other_host(patient, request):
    """The name server leads to another host, whose certificate is good for another name."""
    network = _named(patient, request)
    _name_server(patient, network, HUB, ADDRESSES[PLATFORM])
    authority = certificates.Authority("plant CA")
    ca_file = patient.folder / "ca.pem"
    ca_file.write_bytes(authority.pem)
    context = certificates.context(patient.folder, authority.leaf("other.test"))
    _serve(patient, network, context)
    patient.options += ["--ca", str(ca_file)]


def _named(patient, request, resolver_waits_s=20):
    """A network of its own with a resolv.conf; the platform has a name only."""
    network = request.getfixturevalue("wire")
    device = network.places[0]
    folder = f"/etc/netns/{device.name}"
    os.makedirs(folder)
    patient.stack.callback(shutil.rmtree, folder)
    with open(folder + "/resolv.conf", "w") as file:
        options = f"timeout:{resolver_waits_s} attempts:1"
        file.write(f"nameserver {ADDRESSES[PLATFORM]}\noptions {options}\n")
    patient.prefix = ["ip", "netns", "exec", device.name]
    patient.told_of(f"https://{HUB}:{PORT}")
    return network


def _name_server(patient, network, name, address):
    server = NameServer(network.places[PLATFORM], name, address)
    patient.stack.callback(server.stop)


def _serve(patient, network, context):
    """A TLS host at the platform's end of the wire, on the port of the base URL."""

    def start():
        server = Server(context=context, host=ADDRESSES[PLATFORM], port=PORT)
        patient.stack.enter_context(server)

    network.places[PLATFORM].call(start)


def proxy_407(patient, request):
    """The proxy of the environment wants a password, and none is configured."""
    patient.hub_with()
    patient.onboarded()
    port = request.getfixturevalue("proxy_with_password").port
    patient.env = {"HTTPS_PROXY": f"http://127.0.0.1:{port}"}


def proxy_wrong_password(patient, request):
    """The proxy refuses the password."""
    patient.hub_with()
    patient.onboarded()
    port = request.getfixturevalue("proxy_with_password").port
    patient.options += ["--proxy", f"http://press7:Pl4nted-Wr0ng@127.0.0.1:{port}"]


def tcp_refused(patient, _request):
    """Nothing listens on the platform's port."""
    hub = patient.hub_with()
    patient.onboarded()
    ca_file = patient.folder / "kept-ca.pem"
    shutil.copy(hub.ca_file, ca_file)
    patient.options = ["--ca", str(ca_file)]
    hub.stop()


def wrong_ca(patient, _request):
    """The host's issuer is not among those that are trusted."""
    patient.hub_with()
    patient.onboarded()
    other = patient.folder / "other-ca.pem"
    other.write_bytes(certificates.Authority("another CA").pem)
    patient.options = ["--ca", str(other)]


def expired_certificate(patient, _request):
    """The host's certificate expired ten days ago, by both clocks."""
    authority = certificates.Authority("plant CA")
    ca_file = patient.folder / "ca.pem"
    ca_file.write_bytes(authority.pem)
    context = certificates.context(patient.folder, authority.leaf(days=(-90, -10)))
    server = patient.stack.enter_context(Server(_platform, context=context))
    patient.told_of(server.url)
    patient.options += ["--ca", str(ca_file)]


def _platform(connection):
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    while connection.read_request():
        connection.answer(headers=[f"Date: {date}"])


def _with_crl(patient, crl):
    """A healthy host under a CA whose revocation list is *crl* of the authority and the leaf."""
    authority = certificates.Authority("plant CA")
    leaf = authority.leaf()
    for name, data in (("ca.pem", authority.pem), ("crl.pem", crl(authority, leaf[0]))):
        (patient.folder / name).write_bytes(data)
    context = certificates.context(patient.folder, leaf)
    server = patient.stack.enter_context(Server(_platform, context=context))
    patient.told_of(server.url)
    patient.options += ["--ca", str(patient.folder / "ca.pem")]
    patient.options += ["--crl", str(patient.folder / "crl.pem")]


def revoked_certificate(patient, _request):
    """The host's certificate is on its issuer's list."""
    _with_crl(patient, lambda authority, leaf: authority.crl(leaf))


def expired_crl(patient, _request):
    """The list itself is out of date."""
    _with_crl(patient, lambda authority, _leaf: authority.crl(days=(-30, -1)))


def packets_dropped(patient, request):
    """A firewall drops what goes to the platform, and tells nobody."""
    network = request.getfixturevalue("wire")
    network.drop()
    patient.prefix = ["ip", "netns", "exec", network.places[0].name]
    patient.told_of(f"https://{ADDRESSES[PLATFORM]}:{PORT}")


def platform_in_trouble(patient, _request):
    """The platform's gateway answers 503 to everything."""
    hub = patient.hub_with()
    patient.onboarded()
    hub.set_faults([{"match": "* /*", "action": "status", "status": 503}])


def exchange_forbidden(patient, _request):
    """The agent may do everything but upload."""
    hub = patient.hub_with()
    patient.onboarded()
    rule = {"match": "POST /api/mindconnect/v3/exchange", "action": "status", "status": 403}
    hub.set_faults([rule])


def captive_portal(patient, _request):
    """A page for people answers in the platform's place."""

    def talk(connection):
        while connection.read_request():
            connection.answer(body=b"<html>Welcome to the guest network</html>")

    server = patient.stack.enter_context(Server(talk))
    patient.told_of(server.url)


def captive_portal_that_redirects(patient, _request):
    """It sends everybody to its page, in an address that a support case need not hold."""
    server = patient.stack.enter_context(
        Server(
            lambda connection: (
                connection.read_request()
                and connection.answer(302, headers=["Location: http://login.test/?t=Pl4nted"])
            )
        )
    )
    patient.told_of(server.url)


def exchange_cut_off(patient, _request):
    """Everything passes but the body of an exchange."""
    hub = patient.hub_with()
    patient.onboarded()
    hub.set_faults([{"match": "POST /api/mindconnect/v3/exchange", "action": "drop_before"}])


def clock_off(patient, _request):
    """This device is 30 days behind the platform."""
    hub = patient.hub_with()
    patient.onboarded()
    hub.set_clock(MONTH_S)
    hub.change_settings(secret_life_s=2 * MONTH_S)
    inside("keepalive", "--rotate-before", 60, *patient.options, state=patient.state)


def clock_before_the_certificate(patient, request):
    """TLS itself fails for this device's clock: the platform's is measured all the same."""

    def server_context(authority, *_names):
        import datetime as dt

        begin = dt.datetime.now(dt.timezone.utc) + dt.timedelta(days=1)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority._ca.issue_cert(
            "localhost", not_before=begin, not_after=begin + dt.timedelta(days=90)
        ).configure_cert(context)
        return context

    request.getfixturevalue("monkeypatch").setattr(Authority, "server_context", server_context)
    hub = patient.hub_with()
    hub.set_clock(MONTH_S)
    patient.onboarded()


def used_iat(patient, _request):
    """Another device has used the boarding configuration up; this one tried."""
    patient.hub_with()
    boarding = patient.boarding()
    other = patient.folder / "other"
    assert inside("onboard", boarding, *patient.options, state=other).code == 0
    assert inside("onboard", boarding, *patient.options, state=patient.state).code == 5


def expired_iat(patient, _request):
    """The boarding configuration lay in a drawer for eight days."""
    hub = patient.hub_with()
    hub.set_clock(-WEEK_S - 86_400)
    boarding = patient.boarding()
    hub.set_clock(0)
    patient.options += ["--boarding", str(boarding)]


def expired_secret(patient, _request):
    """The device was off for longer than its secret lives."""
    hub = patient.hub_with()
    hub.set_clock(-WEEK_S - 86_400)
    patient.onboarded()
    hub.set_clock(0)


def expired_secret_that_the_agent_met(patient, request):
    """The same, after the agent had tried and given up."""
    expired_secret(patient, request)
    assert inside("keepalive", *patient.options, state=patient.state).code == 5


def withdrawn_secret(patient, _request):
    """The agent was offboarded."""
    hub = patient.hub_with()
    patient.onboarded()
    text = (patient.folder / "agentconfig.json").read_text()
    hub.offboard(json.loads(text)["content"]["clientId"])


def refused_for_a_while(patient, _request):
    """A gateway refused every credential until just now; the agent does not know that it is over."""
    hub = patient.hub_with()
    patient.onboarded()
    hub.set_faults([{"match": "* /api/agentmanagement/*", "action": "status", "status": 400}])
    assert inside("keepalive", *patient.options, state=patient.state).code == 5
    hub.set_faults([])


def full_disk(patient, request):
    """The state directory's file system is full."""
    folder = patient.folder / "mount"
    try:
        patient.stack.enter_context(tmpfs(folder, "size=2m"))
    except OSError as error:
        request.getfixturevalue("tool_missing")(f"no mounts: {error}")
    patient.state = folder / "state"
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0
    fill(folder / "ballast")


def no_inodes(patient, request):
    """There are bytes, and no files."""
    folder = patient.folder / "mount"
    try:
        patient.stack.enter_context(tmpfs(folder, "size=8m,nr_inodes=64"))
    except OSError as error:
        request.getfixturevalue("tool_missing")(f"no mounts: {error}")
    patient.state = folder / "state"
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0
    for number in range(64):
        try:
            (folder / str(number)).touch()
        except OSError:
            break


def read_only(patient, request):
    """The file system was mounted read-only, as ext4 does after an error."""
    folder = patient.folder / "mount"
    try:
        mount = patient.stack.enter_context(tmpfs(folder, "size=2m"))
    except OSError as error:
        request.getfixturevalue("tool_missing")(f"no mounts: {error}")
    patient.state = folder / "state"
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0
    mount.remount("ro")


def closed_to_this_user(patient, _request):
    """Run by another user than the service's: what it may not see is not said to be missing."""
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0
    if os.geteuid():
        patient.state.chmod(0)
        patient.stack.callback(patient.state.chmod, 0o700)
    else:
        patient.user = 65534
        patient.options = []


def damaged_credentials(patient, _request):
    """Both copies are spoiled."""
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0
    for name in ("credentials", "credentials.copy"):
        (patient.state / "credentials" / name).write_bytes(b"spoiled")


def no_mapping(patient, _request):
    """The platform takes the samples, and would drop every value."""
    patient.hub_with()
    patient.onboarded(automap=False)


def no_model(patient, _request):
    """Nobody described the data points."""
    patient.hub_with()
    assert inside("onboard", patient.boarding(), *patient.options, state=patient.state).code == 0


# Fault -> (step, cause, exit code, words that the report must hold).
CAUSES = {
    no_dns: ("dns", "no-name-server", 6, ["no name server answered", "no answer in 2 s"]),
    wrong_dns_no_such_name: ("dns", "no-such-name", 6, [f"name server {ADDRESSES[1]}: no such"]),
    wrong_dns_other_host: (
        "tls",
        "wrong-address",
        6,
        [f"{HUB} is {ADDRESSES[1]} by the name server {ADDRESSES[1]}", "for other.test"],
    ),
    proxy_407: ("tunnel", "proxy-password", 6, ["407", "https_proxy", "none is configured"]),
    proxy_wrong_password: ("tunnel", "proxy-password", 6, ["407", "the proxy setting"]),
    packets_dropped: ("tcp", "tcp-silent", 6, ["gave no sign", "firewall"]),
    platform_in_trouble: ("platform", "platform-trouble", 6, ["503"]),
    exchange_forbidden: ("exchange", "exchange-refused", 7, ["403"]),
    tcp_refused: ("tcp", "tcp-refused", 6, ["refused the connection", "firewall"]),
    wrong_ca: ("tls", "unknown-issuer", 6, ["not trusted", "other-ca.pem"]),
    expired_certificate: ("tls", "expired", 6, ["has expired", "by its own clock", "plant CA"]),
    revoked_certificate: ("tls", "revoked", 6, ["was revoked", "crl.pem"]),
    expired_crl: ("tls", "crl-expired", 6, ["crl.pem", "has expired", "rule of their own"]),
    captive_portal: ("platform", "web-page", 6, ["web page"]),
    captive_portal_that_redirects: ("platform", "web-page", 6, ["browsers to login.test", "base"]),
    exchange_cut_off: ("exchange", "no-answer-closed", 6, ["closed the connection", "a firewall"]),
    clock_off: ("clock", "clock", 1, ["30.0 days behind", "NTP"]),
    clock_before_the_certificate: ("clock", "clock", 1, ["30.0 days behind"]),
    used_iat: ("credentials", "iat-used", 5, ["is used or was withdrawn", "new boarding"]),
    expired_iat: ("credentials", "iat-expired", 5, ["was good until", "by the platform's clock"]),
    expired_secret: ("credentials", "secret-expired", 5, ["expired at", "platform's clock"]),
    expired_secret_that_the_agent_met: ("credentials", "secret-expired", 5, ["expired at"]),
    withdrawn_secret: ("token", "credentials-refused", 5, ["before its end", "offboards agent"]),
    refused_for_a_while: (
        "credentials",
        "refused-before",
        5,
        ["token for them now", "nobody has"],
    ),
    full_disk: ("space", "disk-full", 8, ["the disk is full", "0 bytes of 2.0 MiB free"]),
    no_inodes: ("space", "no-inodes", 8, ["0 of 64 files"]),
    read_only: ("state directory", "not-writable", 4, ["Read-only file system"]),
    closed_to_this_user: ("state directory", "not-readable", 4, ["user of the service"]),
    damaged_credentials: ("state directory", "credentials-damaged", 4, ["was damaged"]),
    no_model: ("model", "no-model", 1, ["neither here nor on the platform"]),
    no_mapping: ("mappings", "unmapped", 1, ["temperature", "strokes", "8 of 8 data points"]),
}

SLOW = (no_dns, packets_dropped)  # silence has to be waited for


@pytest.mark.parametrize(
    "fault",
    [pytest.param(fault, marks=[pytest.mark.slow] * (fault in SLOW)) for fault in CAUSES],
    ids=lambda fault: fault.__name__,
)
def test_doctor_names_the_cause(patient, request, figure, fault):
    """The first step that fails is the one whose fault was made, for the reason that was made."""
    fault(patient, request)
    step, cause, code, words = CAUSES[fault]
    found_code, found, failed, steps = patient.diagnosis()
    assert found == (step, cause), steps
    assert found_code == code
    text = " ".join([failed["measured"], failed["remedy"], *failed["details"]])
    for word in words:
        assert word in text, text
    assert failed["remedy"]
    assert "Pl4nted" not in str(steps)
    figure(f"doctor: {fault.__name__.replace('_', ' ')}", f"{step}: {cause}")


def test_nothing_is_wrong(patient):
    """The table above would be worth nothing if the doctor always found something."""
    patient.hub_with()
    patient.onboarded()
    code, cause, _failed, steps = patient.diagnosis()
    assert (code, cause) == (0, ("", "")), steps
    assert steps["tls"]["facts"]["version"] in ("TLSv1.2", "TLSv1.3")
    assert steps["mappings"]["facts"]["unmapped"] == []


def test_a_proxy_that_works(patient, request):
    """From a setting, through a real proxy: no failure, and which one is told."""
    patient.hub_with()
    patient.onboarded()
    port = request.getfixturevalue("proxy_with_password").port
    patient.options += ["--proxy", f"http://press7:Pl4nted%2FSecret@127.0.0.1:{port}"]
    code, cause, _failed, steps = patient.diagnosis()
    assert (code, cause) == (0, ("", "")), steps
    assert steps["tunnel"]["verdict"] == "pass"
    assert steps["tls"]["facts"]["chain"]
    assert "Pl4nted" not in str(steps)
