# portable
"""The boarding configuration: read, checked, refused with a reason."""

import json

from mcagent.boarding import read_boarding
from mcagent.errors import ConfigurationError
from tests.helpers import TemporaryDirectory, raises

IAT = "eyJraWQiOiJrZXktaWQtMSJ9.eyJpc3MiOiJTQ0kifQ.c2lnbmF0dXJl"


def sample():
    """The sample of the agent API, 2.1."""
    return {
        "content": {
            "baseUrl": "https://southgate.eu1.mindsphere.io",
            "iat": IAT,
            "clientCredentialProfile": ["SHARED_SECRET"],
            "clientId": "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3",
            "tenant": "acmedev",
        },
        "expiration": "2026-11-28T09:15:00.000Z",
    }


def changed(name, value):
    """The sample with another content.*name*; None takes it out."""
    source = sample()
    if value is None:
        del source["content"][name]
    else:
        source["content"][name] = value
    return source


def refused(source):
    """The error, checked for what every error of ours must have."""
    error = raises(ConfigurationError, read_boarding, source)
    assert error.hint
    assert IAT not in str(error) + error.hint + repr(error)
    return error


def test_the_sample_is_read_from_a_dict_a_text_and_a_file():
    """Three ways in, one result."""
    with TemporaryDirectory() as directory:
        path = directory + "/agentconfig.json"
        with open(path, "wb") as file:
            file.write(b"\xef\xbb\xbf" + json.dumps(sample()).encode())
        for source in (sample(), "  " + json.dumps(sample()), path):
            boarding = read_boarding(source)
            assert boarding.base_url == "https://southgate.eu1.mindsphere.io"
            assert boarding.iat == IAT
            assert boarding.profile == "SHARED_SECRET"
            assert boarding.client_id == "0f5b7c1d2e3a44b59c6d7e8f90a1b2c3"
            assert boarding.tenant == "acmedev"
            assert boarding.expiration_ms == 1_795_857_300_000


def test_the_token_is_not_shown():
    assert IAT not in repr(read_boarding(sample()))


def test_a_trailing_slash_is_taken_off_and_unknown_members_are_ignored():
    """The Node client keeps its state beside "content" (2.1)."""
    source = changed("baseUrl", "HTTPS://southgate.eu1.mindsphere.io//")
    source["response"] = {"client_secret": "x"}
    source["content"]["more"] = [1]
    assert read_boarding(source).base_url == "https://southgate.eu1.mindsphere.io"


def test_http_is_for_loopback_only():
    for url in ("http://localhost:8080", "http://127.0.0.1", "http://[::1]:99/"):
        assert read_boarding(changed("baseUrl", url)).base_url == url.rstrip("/")
    for url in (
        "http://southgate.eu1.mindsphere.io",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://[::2]",
        "http://",
    ):
        refused(changed("baseUrl", url))
    assert "TLS" in refused(changed("baseUrl", "http://10.0.0.1")).message


def test_an_address_that_is_none_is_refused():
    for url in (
        "southgate.eu1.mindsphere.io",
        "ftp://host",
        "https://",
        "https:///path",
        "https://host?query",
        "https://host#part",
        "https://user:password@host",
        "https://host\\path",
        "https://ho st",
        "https://host\r\nX: y",
        7,
        "",
    ):
        error = refused(changed("baseUrl", url))
        assert "baseUrl" in error.message
        assert "password" not in str(error)


def test_every_missing_field_is_named():
    for name in ("baseUrl", "iat", "clientCredentialProfile", "clientId", "tenant"):
        assert "content." + name in refused(changed(name, None)).message


def test_fields_of_a_wrong_kind_are_named():
    for name, value in (
        ("iat", ""),
        ("iat", 7),
        ("iat", "a\r\nX-Header: b"),
        ("iat", "tok\u00e9n"),
        ("clientId", "x" * 37),
        ("clientId", "../admin"),
        ("clientId", ["x"]),
        ("tenant", "t" * 37),
        ("tenant", "two words"),
        ("clientCredentialProfile", 7),
        ("clientCredentialProfile", [7]),
    ):
        assert "content." + name in refused(changed(name, value)).message


def test_profiles():
    """Exactly one, and one that we can do."""
    for value in (["RSA_3072"], "RSA_3072"):
        assert read_boarding(changed("clientCredentialProfile", value)).profile == "RSA_3072"
    for value in ([], ["SHARED_SECRET", "RSA_3072"], ["NATIVE_CA_CERTIFIED_X509"], ["none"]):
        error = refused(changed("clientCredentialProfile", value))
        assert "SHARED_SECRET and RSA_3072" in error.hint


def test_a_file_that_is_not_ready_says_so():
    """Right after the agent was created the platform answers without content (2.2)."""
    for source in ({}, {"content": None}, {"content": []}):
        error = refused(source)
        assert '"content"' in error.message
        assert "seconds" in error.hint


def test_what_is_not_json_is_refused_without_quoting_it():
    for text in ("{", '{"content": ' + IAT, "{]"):
        refused(text)
    with TemporaryDirectory() as directory:
        path = directory + "/file"
        for data in (b"", b"[]", b"no json " + IAT.encode(), b"\xff\xfe\x00"):
            with open(path, "wb") as file:
                file.write(data)
            assert path in refused(path).message


def test_a_file_that_is_not_there_or_not_a_file():
    with TemporaryDirectory() as directory:
        assert "there is no" in refused(directory + "/missing.json").message
        assert directory in refused(directory).message
        path = directory + "/large"
        with open(path, "wb") as file:
            file.seek(1_000_000)
            file.write(b"}")
        assert "too large" in refused(path).message


def test_expiration_is_optional_and_checked():
    source = sample()
    for absent in (None,):
        source["expiration"] = absent
        assert read_boarding(source).expiration_ms is None
    for text, expected in (
        ("1970-01-01T00:00:00Z", 0),
        ("2024-02-29T23:59:59.5Z", 1_709_251_199_500),
        ("2038-01-19T03:14:08.123456Z", 2_147_483_648_123),
    ):
        source["expiration"] = text
        assert read_boarding(source).expiration_ms == expected
    for text in (
        "", "soon", "2026-11-28", "2026-11-28T09:15:00", "2026-13-28T09:15:00Z",
        "2026-11-28T24:15:00Z", "2026-11-28T09:15:00.xZ", "1969-11-28T09:15:00Z", 7,
        "20261128T091500.000Z", "+026-11-28T09:15:00Z", "2026-02-31T09:15:00Z",
        "2026-11-28T09:15:99Z", "2026T11-28-09:15:00Z", "2026-11-28T09:15:0\u00b2Z",
        "2026-11-28T09:15:00." + "9" * 5000 + "Z",
    ):  # fmt: skip
        source["expiration"] = text
        assert "expiration" in refused(source).message
