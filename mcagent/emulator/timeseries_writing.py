"""What a write to the time series service carries, record by record (services API 1.4, 1.8).

One bad record refuses the whole body of an asset and aspect: a half that is stored would be worse
to find out about. Texts of errors are the hub's own, the platform's are not known.
"""

import json
import re
from typing import Any

from .breaches import Breaches
from .settings import Settings
from .timeseries import Values, Variable
from .timeseries_reading import read_instant
from .values import RECORD_MAX_BYTES, TEXTS, counted_bytes, read_value

_CODE = re.compile(r"[+-]?[0-9]{1,10}")
_QUALITY = "_qc"


def read_body(
    value: Any, variables: list[Variable], *, aspect: str, settings: Settings, breaches: Breaches
) -> dict[int, Values]:
    """Read the records of one aspect; of two with one time the later one stands.

    Raises:
        ValueError: One of them breaks a rule; the text says which record and variable.
    """
    if not isinstance(value, list):
        raise ValueError("body is not a JSON array of records")  # noqa: TRY004 - bad input
    reader = _Reader(variables, aspect, settings, breaches)
    records: dict[int, Values] = {}
    for number, record in enumerate(value):
        try:
            time_ms, values = reader.read(record)
        except ValueError as exc:
            raise ValueError(f"record {number}: {exc}") from exc
        records[time_ms] = values
    return records


class _Reader:
    """Read records of one aspect."""

    def __init__(
        self, variables: list[Variable], aspect: str, settings: Settings, breaches: Breaches
    ) -> None:
        self._variables = {variable.name: variable for variable in variables}
        self._aspect = aspect
        self._settings = settings
        self._breaches = breaches

    def read(self, record: Any) -> tuple[int, Values]:
        if not isinstance(record, dict):
            raise ValueError("not a JSON object")  # noqa: TRY004 - bad input
        if "_time" not in record:
            raise ValueError("_time is missing")
        time_ms = read_instant(record["_time"])
        found: dict[int, Any] = {}
        codes: dict[int, str] = {}
        counted = 0
        for name, value in record.items():
            variable = self._variables.get(name)
            if variable is not None:
                # "Storage of empty strings is not supported. The respective fields are ignored."
                if value is not None and value != "":
                    found[variable.series] = self._value(variable, value)
                    counted += counted_bytes(variable.kind, found[variable.series])
            elif name != "_time":
                self._read_code(name, value, codes)
        if counted > RECORD_MAX_BYTES:
            raise ValueError(f"has {counted} bytes, more than {RECORD_MAX_BYTES}")
        return time_ms, {series: (value, codes.get(series)) for series, value in found.items()}

    def _value(self, variable: Variable, value: Any) -> Any:
        if variable.kind in TEXTS and not isinstance(value, str):
            what = f"value of {variable.name} is no JSON string"
            if self._settings.texts_are_quoted or self._breaches.forbids(
                "refuse_unquoted_strings", what
            ):
                raise ValueError(what)
            value = json.dumps(value)
        try:
            return read_value(variable.kind, value, variable.length)
        except ValueError as exc:
            raise ValueError(f"value of {variable.name}: {exc}") from exc

    def _read_code(self, name: str, value: Any, codes: dict[int, str]) -> None:
        """Take a member that is no variable: a quality code, or a mistake."""
        variable = None
        if name.endswith(_QUALITY):
            variable = self._variables.get(name[: -len(_QUALITY)])
        if variable is None:
            if self._settings.refuse_unknown_variables:
                raise ValueError(
                    f"Property with name {name[:64]} does not belong to property set with name"
                    f" {self._aspect}!"
                )
        elif not variable.has_quality:
            what = f"{variable.name} has no quality codes, but {name} is written"
            if self._breaches.forbids("refuse_undeclared_quality", what):
                raise ValueError(what)
        elif value is not None:
            text = str(value)
            good = not isinstance(value, (bool, float)) and _CODE.fullmatch(text)
            if not good or not -(2**31) <= int(text) < 2**31:
                raise ValueError(f"{name} is no signed 32-bit integer")
            codes[variable.series] = str(int(text))
