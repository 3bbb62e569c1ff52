"""Every switch of the emulator, once: name, default, and the disagreement that it settles.

Where the platform's behaviour is a guess, the default is the safest reading for a device script
under test and the other reading is a value of the switch (agent API sections 12 and 13).
"""

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from .names import nearest, shown

_DAY_S = 24 * 3600
_WEEK_S = 7 * _DAY_S


@dataclass
class Settings:
    """Switches of one hub. All can be changed while it runs (`PUT /_emulator/settings`)."""

    # Origin in `baseUrl` and `registration_client_uri`; "" takes it from the request's Host
    # header, so that the hub also works behind a TCP relay.
    public_url: str = ""
    tenant: str = "localdev"
    other_tenant: str = "otherdev"  # the neighbour, whose things are not to be seen
    region: str = "eu1"  # "eu2" has rules of its own (services API 1.11)

    # -- registration and rotation (agent API 2.1, 2.2, 3.3 to 3.5)
    iat_life_s: int = _WEEK_S
    secret_life_s: int = _WEEK_S  # no source names it; 7 days fits the clients' 25-hour rule
    boarding_delay_reads: int = 0  # first reads of a boarding configuration that answer {}
    previous_rat: bool = True  # two-slot rule; False: only the newest RAT is good
    previous_secret: str = "until_new_used"  # noqa: S105 - or "never", "always"
    rat_after_expiry: bool = False  # True: a RAT outlives its secret (MCL4's reading)
    tokens_after_offboard: bool = False  # True: access tokens live on until they expire

    # -- access tokens (4.1 to 4.5)
    token_life_s: int = 3600
    clock_leeway_s: int = 60
    assertion_life_max_s: int = _WEEK_S
    refuse_assertion_replay: bool = False  # a known client sends one jti for ever

    # -- tokens of applications (services API 6), and what is not one's own (1.10, 7.5)
    application_token_life_s: int = 1799
    agent_reads_timeseries: bool = False  # whether an agent's token may is written nowhere
    foreign_status: int = 403  # or 404: for another tenant's asset both are conceivable

    # -- asset management (services API 5): a page had 2000 until the end of 2023, 200 since
    asset_page_max: int = 2000
    embedded_when_empty: bool = True  # False: an empty list of asset management has no `_embedded`
    strict_accept: bool = False  # True: Accept without application/hal+json is a 500, as was seen

    # -- events (services API 4): the Node client knows pages of 100, a newer text 500
    event_page_max: int = 500
    event_ttl: str = "arrival"  # what a type's ttl counts from; or "timestamp", or "off"

    # -- files (services API 3): no source names the size of a plain upload
    max_file_bytes: int = 104_857_600
    max_upload_bytes: int = 268_435_456  # all parts of one file; it is joined in RAM
    min_part_bytes: int = 5_000_000  # of all parts but the last
    upload_life_s: int = 2 * _DAY_S
    stale_file_status: int = 409  # or 412
    agents_keep_to_themselves: bool = True  # files and events on the agent's own asset alone

    # -- data source configuration and mappings (5, 8)
    dsc_404_before_first_put: bool = False  # False: 200 with an empty shell
    require_units: bool = False  # True: a data point without a unit is refused; it may be empty
    units: str = "mark"  # a mapping whose units differ is INVALID; or "refuse" it, or "ignore" it
    drop_mismatched_configuration: bool = True  # configurationId differs from the current one
    # Limits on mappings (plans.py) hold on Capability Package environments only: "none".
    plan: str = "none"
    plan_limit_status: int = 400  # or 409
    event_mapping_match: str = "contains"  # or "equals": the field's whole value (9)

    # -- exchange and what follows it (6)
    max_exchange_bytes: int = 10_485_760
    max_timeseries_bytes: int = 0  # of time series payload in one exchange; 0: no limit
    processing_delay_s: float = 0.05
    replace_records: bool = False  # True: a record with an existing time is replaced as a whole
    check_quality_codes: bool = True
    require_event_members: bool = False  # True: events without id or version are dropped

    # -- diagnostics and recoverable records (7)
    diagnostic_agents_max: int = 5  # activated at a time in one tenant
    diagnostic_limit_status: str = "400"  # of the activation of one more; or "409"
    diagnostic_active_s: int = 3600  # then it is off by itself
    diagnostic_messages_life_s: int = _WEEK_S
    own_correlation_ids: bool = False  # True: the platform's own, not the request's header
    custom_data_consumer: bool = True  # False: as in a tenant without one, it is dropped
    recover: str = "everything"  # which drops leave a record; or "unmapped": those alone
    records_need_activation: bool = False  # True: only while diagnostics are on
    recoverable_life_s: int = 0  # 0: until it is replayed or deleted
    keep_replayed: bool = False  # True: a record stays after a replay that stored everything
    download_link_life_s: int = 600
    denied_to_agents: str = ""  # scopes that agents lack, such as "map.r rec.r"

    # -- time series service (services API 1)
    timeseries_error_shape: str = "status"  # or "id": the older generation's bodies
    link_paging: bool = True  # False: pages end without a sign of more
    refuse_unknown_select: bool = True
    refuse_unknown_variables: bool = True  # False: members that are no variable are left out
    refuse_undeclared_quality: bool = False  # True: _qc of a variable without quality codes is 400
    refuse_unquoted_strings: bool = False  # True: as in region Europe 2
    latest_min_age_s: int = 0  # of values that latestValue sees, since they came
    latest_max_age_s: int = 90 * _DAY_S
    max_put_bytes: int = 1_048_576  # body of a write to one aspect
    max_multi_put_bytes: int = 102_400  # body of a write to several
    too_large_status: int = 400  # or 413
    put_bytes_per_s: int = 0  # for each asset and aspect; 0: no limit
    retry_after_s: int = 1  # in 429; 0: the header is left out
    throttle_shape: str = "service"  # or "gateway": whose words a 429 uses
    delete_rules: bool = False  # True: full hours, 7 days, after 7 days, once a day
    visibility_delay_s: float = 0.0  # from 204 or 202 to the store
    visibility_delay_max_s: float = 0.0  # greater than the former: random between both

    # -- online status (2.4): seconds since the last token or exchange
    online_window_s: int = 300

    # -- connections: what keeps a client that means ill, or is broken, from holding the hub up
    connections_max: int = 1000
    head_timeout_s: float = 30.0
    body_pause_s: float = 120.0

    @classmethod
    def build(cls, *, strict: bool = False, changes: "dict[str, Any] | None" = None) -> "Settings":
        """Make settings: defaults, then the harshest readings if *strict*, then *changes*."""
        settings = cls()
        if strict:
            settings.change(STRICT)
        settings.change(changes or {})
        return settings

    def change(self, changes: dict[str, Any]) -> None:
        """Set several switches; nothing is set if one of them is wrong.

        Raises:
            ValueError: Unknown switch, or a value of the wrong type or outside its choices.
        """
        kinds = {field.name: type(field.default) for field in fields(self)}
        for name, value in changes.items():
            if name not in kinds:
                hint = nearest(name, kinds) or "; mcagent emulator --print-settings shows all"
                raise ValueError(f"unknown setting {shown(name)}{hint}")
            fault = _fault(name, value, kinds[name])
            if fault:
                raise ValueError(f"setting {name!r} is {shown(value)}; it must be {fault}")
        tenants = {changes.get(name, getattr(self, name)).lower() for name in _TENANTS}
        if len(tenants) < len(_TENANTS):
            raise ValueError(f"settings {' and '.join(_TENANTS)} are both {min(tenants)!r}")
        for name, value in changes.items():
            setattr(self, name, value)

    @property
    def texts_are_quoted(self) -> bool:
        """Whether a number for a text is refused: in Europe 2 always (services API 1.11)."""
        return self.refuse_unquoted_strings or self.region == "eu2"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def _fault(name: str, value: Any, kind: type) -> str:
    """Tell what the value of a switch must be, "" if it is."""
    wanted = (int, float) if kind is float else (kind,)
    if type(value) not in wanted:
        return _KINDS[kind]
    if name in CHOICES:
        return "" if value in CHOICES[name] else f"one of {', '.join(map(str, CHOICES[name]))}"
    if name in _TENANTS and not _TENANT.fullmatch(value):
        return "1 to 8 letters, digits or '_', as ids of types begin with it"
    if kind is str:
        good = len(value) <= _TEXT_MAX and value.isprintable()
        return "" if good else f"printable text of at most {_TEXT_MAX} characters"
    if kind is bool:
        return ""
    most = _SECONDS_MAX if name.endswith("_s") else _NUMBER_MAX
    least = LEAST.get(name, 0)
    return "" if least <= value <= most else f"from {least} to {most}"


_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text"}
_TEXT_MAX = 1000
_TENANTS = ("tenant", "other_tenant")
_TENANT = re.compile("[A-Za-z0-9_]{1,8}")  # services API 5.2
_SECONDS_MAX = 100 * 366 * _DAY_S  # a time so far ahead can still be written
_NUMBER_MAX = 10**12
LEAST = {
    "connections_max": 1,
    "head_timeout_s": 1,
    "body_pause_s": 1,
}
CHOICES: dict[str, tuple[Any, ...]] = {
    "timeseries_error_shape": ("status", "id"),
    "too_large_status": (400, 413),
    "stale_file_status": (409, 412),
    "throttle_shape": ("service", "gateway"),
    "previous_secret": ("until_new_used", "never", "always"),
    "diagnostic_limit_status": ("400", "409"),
    "recover": ("everything", "unmapped"),
    "region": ("eu1", "eu2", "cn1"),
    "units": ("mark", "refuse", "ignore"),
    "plan": ("none", "XXS", "XS", "S", "M", "L", "XL"),
    "plan_limit_status": (400, 409),
    "event_ttl": ("arrival", "timestamp", "off"),
    "event_mapping_match": ("contains", "equals"),
    "foreign_status": (403, 404),
}

# `--strict`: the harshest reading of everything, for CI of device scripts. 1 000-based sizes
# (agent API 0.2); the platform's overview calls 1 MB the maximum of a time series upload.
STRICT: dict[str, Any] = {
    "max_exchange_bytes": 10_000_000,
    "max_timeseries_bytes": 1_000_000,
    "replace_records": True,
    "previous_secret": "never",
    "require_units": True,
    "units": "refuse",
    # The plan that allows least; who has another one names it.
    "plan": "XXS",
    "require_event_members": True,
    "custom_data_consumer": False,
    "refuse_undeclared_quality": True,
    "refuse_unquoted_strings": True,
    # The overview's window; the newer text says 5 minutes to 90 days.
    "latest_min_age_s": 2 * 3600,
    "latest_max_age_s": 30 * _DAY_S,
    "max_put_bytes": 1_000_000,
    "max_multi_put_bytes": 100_000,
    "too_large_status": 413,
    "min_part_bytes": 5_242_880,
    "put_bytes_per_s": 100_000,
    "delete_rules": True,
    "asset_page_max": 200,
    "event_page_max": 100,
    "event_ttl": "timestamp",
    "strict_accept": True,
}
