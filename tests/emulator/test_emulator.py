"""The `Emulator` object: quick to start and stop, leaves nothing behind, many at once."""

import http.client
import os
import socket
import ssl
import time

import pytest

from mcagent.emulator import Emulator
from tests import leftovers

from .device import AGENTS, Device, call, onboarded, ready, sample, timeseries

T0 = "2026-01-05T08:00:00.000Z"


def test_it_starts_and_stops_in_well_under_a_second(figure):
    times = []
    for _ in range(12):
        begun = time.perf_counter()
        hub = Emulator()
        hub.start()
        hub.create_agent("first")
        started = time.perf_counter()
        hub.stop()
        times.append((started - begun, time.perf_counter() - started))
        if len(times) >= 3 and started - begun < 1 and times[-1][1] < 0.5:
            break  # on a busy machine it may take some tries
    start_s, stop_s = (min(each) for each in zip(*times))
    figure("emulator: start with a first agent, stop", f"{start_s:.3f} s, {stop_s:.3f} s")
    assert start_s < 1
    assert stop_s < 0.5


@pytest.mark.parametrize("tls", [True, False])
def test_it_leaves_no_thread_socket_or_file_behind(tls, tmp_path):
    with Emulator(tls=tls):
        pass  # imports and caches are paid here
    threads, files = leftovers.threads(), leftovers.descriptors()
    hub = Emulator(tls=tls, data=tmp_path / "hub")
    for _ in range(3):
        hub.start()
        context = ssl.create_default_context(cafile=hub.ca_file) if tls else None
        kept = (
            http.client.HTTPSConnection("localhost", hub.port, context=context)
            if tls
            else http.client.HTTPConnection("127.0.0.1", hub.port)
        )
        kept.request("GET", "/")
        kept.getresponse().read()
        silent = socket.create_connection(("127.0.0.1", hub.port))
        hub.stop()
        kept.close()
        silent.close()
    assert leftovers.threads() <= threads
    assert leftovers.descriptors() <= files


def test_stop_is_prompt_while_a_request_hangs():
    hub = Emulator(tls=False)
    hub.start()
    hub.set_faults([{"match": "GET /slow", "action": "delay", "seconds": 30}])
    connection = socket.create_connection(("127.0.0.1", hub.port))
    connection.sendall(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
    half = socket.create_connection(("127.0.0.1", hub.port))
    half.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
    time.sleep(0.1)
    begun = time.perf_counter()
    hub.stop()
    assert time.perf_counter() - begun < 10  # of 30
    for client in (connection, half):
        client.close()


def test_many_hubs_run_in_one_process_and_know_nothing_of_each_other():
    hubs = [Emulator(tls=False) for _ in range(8)]
    for hub in hubs:
        hub.start()
    try:
        devices = [onboarded(hub, "same name") for hub in hubs]
        assert len({hub.port for hub in hubs}) == 8
        stranger = Device(hubs[0], {"content": devices[1].content})
        stranger.token = devices[1].token
        assert stranger.call("GET", f"{AGENTS}/agents/{stranger.id}").status == 401
        assert stranger.register().status == 401
    finally:
        for hub in hubs:
            hub.stop()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
def test_the_certificate_is_good_for_every_loopback_name(host):
    with Emulator() as hub:
        url = f"https://{host}:{hub.port}"
        try:
            got = call(url, "GET", AGENTS + "/oauth/token_key", ca_file=hub.ca_file)
        except ConnectionRefusedError:
            pytest.skip("no IPv6 loopback here")
        assert got.status == 200
        with pytest.raises(ssl.SSLCertVerificationError):
            call(url, "GET", "/", ca_file=None)


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion.TLSv1:DeprecationWarning")
def test_tls_before_1_2_is_refused():
    with Emulator() as hub:
        context = ssl.create_default_context(cafile=hub.ca_file)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
        with socket.create_connection(("127.0.0.1", hub.port)) as plain:
            with pytest.raises(ssl.SSLError):
                context.wrap_socket(plain, server_hostname="localhost")


def test_cutting_the_link_refuses_connections_and_forgets_nothing(hub):
    device = ready(hub)
    device.send(timeseries(sample(T0, P1="1")))
    kept = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
    kept.request("GET", "/")
    kept.getresponse().read()
    hub.disconnect()
    try:
        with pytest.raises(OSError):
            kept.request("GET", "/")
            kept.getresponse()
        with pytest.raises(ConnectionRefusedError):
            call(hub.url, "GET", "/")
    finally:
        hub.reconnect()
        kept.close()
    assert device.exchange(b"").status == 400
    assert len(hub.received()) == 1


def test_with_a_directory_everything_survives_a_restart(tmp_path):
    data = tmp_path / "hub"
    hub = Emulator(data=data, settings={"processing_delay_s": 60.0})
    with hub:
        port, ca = hub.port, (data / "ca.pem").read_text()
        boarding = hub.create_agent("a", automap=True)
    hub = Emulator(data=data, port=port, settings={"processing_delay_s": 60.0})
    with hub:
        assert hub.port == port
        assert (data / "ca.pem").read_text() == ca
        content = boarding["content"]
        headers = {"Authorization": f"Bearer {content['iat']}"}
        got = call(hub.url, "POST", AGENTS + "/register", {}, headers, ca_file=hub.ca_file)
        assert got.status == 201
    assert oct(os.stat(data / "ca-key.pem").st_mode)[-3:] == "600"
    assert oct(os.stat(data / "signing-key.pem").st_mode)[-3:] == "600"


def test_what_was_accepted_before_a_restart_is_processed_after_it(tmp_path):
    slow = Emulator(tls=False, data=tmp_path, settings={"processing_delay_s": 60.0})
    with slow:
        device = ready(slow)
        device.send(timeseries(sample(T0, P1="1")))
        assert slow.stored() == []
        device_id, token = device.id, device.token
    with Emulator(tls=False, data=tmp_path) as hub:
        hub.settle()
        assert [record["values"] for record in hub.stored(device_id)] == [{"P1": 1.0}]
        headers = {"Authorization": f"Bearer {token}"}
        path = f"{AGENTS}/agents/{device_id}"
        assert call(hub.url, "GET", path, headers=headers).status == 200


def test_behind_a_relay_the_uris_are_those_the_client_came_by(hub):
    device = Device(hub, hub.create_agent("a"))
    got = device.call(
        "POST",
        AGENTS + "/register",
        {},
        Authorization=f"Bearer {device.content['iat']}",
        Host="relay.example:7001",
    )
    assert got.json["registration_client_uri"].startswith("http://relay.example:7001/api/")


def test_the_certificate_is_for_the_name_of_the_public_url_too():
    """A device that comes through a forwarder or a container's network checks that name."""
    with Emulator(settings={"public_url": "https://hub.example:8443"}) as hub:
        context = ssl.create_default_context(cafile=hub.ca_file)
        for name in ("hub.example", "localhost"):
            with (
                socket.create_connection(("127.0.0.1", hub.port)) as plain,
                context.wrap_socket(plain, server_hostname=name) as secure,
            ):
                assert secure.version() is not None


def test_a_public_url_is_used_where_it_is_given():
    with Emulator(tls=False, settings={"public_url": "https://hub.example/"}) as hub:
        device = Device(hub, hub.create_agent("a"))
        assert device.content["baseUrl"] == "https://hub.example"
        headers = {"Authorization": f"Bearer {device.content['iat']}"}
        got = call(hub.local_url, "POST", AGENTS + "/register", {}, headers)
        assert got.json["registration_client_uri"].startswith("https://hub.example/api/")


def test_a_taken_port_is_an_error_and_leaves_nothing_behind():
    with Emulator(tls=False) as hub:
        hub.create_agent("a")  # the thread that makes the signing key has ended now
        threads, files = leftovers.threads(), leftovers.descriptors()
        with pytest.raises(OSError):
            Emulator(port=hub.port).start()
        assert leftovers.threads() <= threads
        assert leftovers.descriptors() <= files


def test_it_cannot_be_started_twice_or_used_when_stopped():
    hub = Emulator(tls=False)
    for use in (hub.received, lambda: hub.url, hub.state, hub.disconnect, lambda: hub.ca_file):
        with pytest.raises(RuntimeError):
            use()
    with hub:
        with pytest.raises(RuntimeError):
            hub.start()
    hub.stop()


def test_unknown_settings_are_refused_at_once():
    for settings in (
        {"color": 1},
        {"token_life_s": "x"},
        {"previous_secret": "x"},
        {"iat_life_s": -1},
    ):
        with pytest.raises(ValueError, match="setting"):
            Emulator(settings=settings)


def test_nagle_is_off(hub):
    """Promise: a small answer is not held back for the client's delayed acknowledgement."""
    connection = http.client.HTTPConnection("127.0.0.1", hub.port, timeout=30)
    times = []
    for _ in range(20):
        begun = time.perf_counter()
        connection.request("GET", AGENTS + "/oauth/token_keys")
        connection.getresponse().read()
        times.append(time.perf_counter() - begun)
    connection.close()
    assert sorted(times)[5] < 0.03  # a delayed acknowledgement costs 40 ms


def test_an_exchange_of_1000_samples_takes_a_few_milliseconds(hub, figure):
    device = ready(hub, A="DOUBLE", B="DOUBLE", C="LONG")
    item = timeseries(
        *(
            sample(f"2026-01-05T08:{n // 60:02d}:{n % 60:02d}.000Z", A="1.5", B="2.5", C=str(n))
            for n in range(1000)
        )
    )
    times = []
    for _ in range(5):
        begun = time.process_time()
        device.send(item)
        times.append(time.process_time() - begun)
        hub.settle()
    figure("emulator: exchange of 1 000 samples x 3 points", f"{sorted(times)[2] * 1000:.1f} ms")
    assert sorted(times)[2] < 0.1
    assert hub.state()["values"] == 3000
