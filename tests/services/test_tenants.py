"""Whose data may be read: the own tenant's, and what others share."""

from mcagent import RemoteError
from mcagent.services.credentials import ApplicationCredentials
from mcagent.services.timeseries import TimeSeries
from tests.helpers import raises
from tests.services.plant import HOUR_MS, T0, make_series, samples


def test_anothers_series_are_refused_and_shared_ones_are_read_and_not_changed(platform):
    """The scope is there: so the error says that the asset is another tenant's."""
    series, asset = make_series(platform)
    series.write(asset, "motor", samples(2))
    given = platform.application(tenant="otherdev")
    neighbour = TimeSeries(
        platform.session(
            credentials=ApplicationCredentials(
                given["clientId"],
                given["clientSecret"],
                app_name=given["appName"],
                app_version=given["appVersion"],
                host_tenant=given["tenant"],
            )
        )
    )

    def refused(call, *what):
        error = raises(RemoteError, lambda: list(call(asset, "motor", *what)))
        assert error.status == 403
        assert "another tenant" in error.message + error.hint

    refused(neighbour.read, T0 - 1, T0 + HOUR_MS)
    platform.control("POST", f"assets/{asset}/share", {"tenant": "otherdev"})
    assert len(list(neighbour.read(asset, "motor", T0 - 1, T0 + HOUR_MS))) == 2
    refused(neighbour.write, samples(1))
    refused(neighbour.delete, T0, T0 + HOUR_MS)
    assert len(list(series.read(asset, "motor", T0 - 1))) == 2
