"""Samples of an exchange on their way to records: mapped, read, counted (agent API 6.4.1, 8).

Good values are kept and the others dropped, each once, whatever number of variables it feeds.
"""

import sqlite3
from typing import Any, NamedTuple

from .breaches import Breaches
from .datasource import points_of
from .ingest_verdict import INVALID, REFUSED, UNMAPPED, Verdict
from .mappings import targets
from .settings import Settings
from .times import format_time, parse_time
from .timeseries import Records, Values, Variable, variables_of
from .timeseries_counts import held_at
from .values import RECORD_MAX_BYTES, TEXTS, counted_bytes, is_quality_code, most_bytes, read_value

Place = tuple[str, str]  # asset and aspect


class _Staged(NamedTuple):
    """What one sample has for one record: its values, and the entries that they came from."""

    values: Values
    entries: dict[int, str]


class Samples:
    """The records that the samples of one item make; `records` is what is to be written."""

    def __init__(
        self,
        db: sqlite3.Connection,
        agent: sqlite3.Row,
        verdict: Verdict,
        *,
        settings: Settings,
        breaches: Breaches,
    ) -> None:
        self.records: Records = {}
        self._db = db
        self._verdict = verdict
        self._settings = settings
        self._breaches = breaches
        self._where, self._invalid = targets(db, agent["id"], points_of(agent), settings)
        self._aspects: dict[Place, list[Variable]] = {}
        self._most: dict[Place, int] = {}
        self._in_pieces: dict[Place, set[int]] = {}

    def take(self, sample: Any) -> None:
        """Take one sample."""
        values = sample.get("values") if isinstance(sample, dict) else None
        if not isinstance(values, list):
            self._verdict.drop("malformed sample")
            return
        try:
            time_ms = parse_time(sample.get("timestamp"))
        except ValueError:
            self._verdict.drop("value with a bad timestamp", len(values))
            return
        staged: dict[Place, _Staged] = {}
        refused: dict[int, tuple[str, str]] = {}
        for number, entry in enumerate(values):
            self._read(number, entry, staged, refused)
        for place, new in staged.items():
            size = self._size(place, time_ms, new.values)
            if size > RECORD_MAX_BYTES:
                reason = f"value of a record of more than {RECORD_MAX_BYTES} bytes"
                for number, point in new.entries.items():
                    refused.setdefault(number, (reason, f"{point} (record of {size} bytes)"))
            else:
                self._keep(place, time_ms, new.values)
        for reason, name in refused.values():
            self._verdict.drop(reason, heading=REFUSED, name=name)

    def _read(
        self,
        number: int,
        entry: Any,
        staged: dict[Place, _Staged],
        refused: dict[int, tuple[str, str]],
    ) -> None:
        """Read one value for all variables that it feeds."""
        point = entry.get("dataPointId") if isinstance(entry, dict) else None
        if not isinstance(point, str):
            self._verdict.drop("malformed value")
            return
        found = self._where.get(point)
        if found is None:
            self._drop_unmapped(point)
            return
        quality = entry.get("qualityCode")
        checked = self._settings.check_quality_codes and quality is not None
        if checked and not is_quality_code(quality):
            self._verdict.drop("value with a bad quality code", heading=REFUSED, name=point)
            return
        for series, place, kind, length in found:
            try:
                value = self._value(kind, entry.get("value"), length, point)
            except ValueError as exc:
                refused.setdefault(number, (f"value refused: {exc}", f"{point} ({exc})"))
                continue
            new = staged.setdefault(place, _Staged({}, {}))
            new.values[series] = (value, None if quality is None else str(quality))
            new.entries[number] = point

    def _value(self, kind: str, value: Any, length: int, point: str) -> Any:
        # Services API 1.11. The text that the others make of it is not known.
        if kind in TEXTS and not isinstance(value, str):
            what = "no JSON string for a text"
            if self._settings.texts_are_quoted or self._breaches.forbids(
                "refuse_unquoted_strings", f"value of {point}: {what}"
            ):
                raise ValueError(what)
        return read_value(kind, value, length)

    def _drop_unmapped(self, point: str) -> None:
        invalid = self._invalid.get(point)
        if invalid is None:
            self._verdict.drop("unmapped value", heading=UNMAPPED, name=point)
        else:
            self._verdict.drop(
                "value with an invalid mapping", heading=INVALID, name=f"{point} ({invalid})"
            )

    def _keep(self, place: Place, time_ms: int, values: Values) -> None:
        """Keep what a sample has for a record; it replaces that of an earlier sample or joins."""
        held = self.records.get((place, time_ms))
        if held is None or self._settings.replace_records:
            self.records[place, time_ms] = values
            return
        if held.keys() - values.keys():
            self._in_pieces.setdefault(place, set()).add(time_ms)
        held.update(values)

    def _size(self, place: Place, time_ms: int, values: Values) -> int:
        """Give the counted bytes of a record as it would be stored; 0 if they cannot be many."""
        variables = self._variables(place)
        if place not in self._most:
            self._most[place] = sum(most_bytes(v.kind, v.length) for v in variables)
        if self._most[place] <= RECORD_MAX_BYTES:
            return 0
        whole = dict(values)
        if not self._settings.replace_records:
            whole = {**self.records.get((place, time_ms), {}), **values}
            at = "SELECT value FROM stored WHERE series = ? AND time_ms = ?"
            for variable in variables:
                if variable.series not in whole:
                    row = self._db.execute(at, (variable.series, time_ms)).fetchone()
                    if row is not None:
                        whole[variable.series] = (row["value"], None)
        return sum(
            counted_bytes(v.kind, whole[v.series][0]) for v in variables if v.series in whole
        )

    def _variables(self, place: Place) -> list[Variable]:
        if place not in self._aspects:
            self._aspects[place] = variables_of(self._db, *place)
        return self._aspects[place]

    def pieces(self) -> list[str]:
        """Tell of which records whole-record replacement would keep the last piece alone."""
        if self._settings.replace_records:
            return []
        times: dict[Place, list[int]] = {place: [] for place, _ in self.records}
        for (place, time_ms), values in self.records.items():
            if len(values) < len(self._variables(place)):  # a whole one replaces without a loss
                times[place].append(time_ms)
        said = []
        for place, asked in times.items():
            split = self._in_pieces.get(place, set())
            series = [variable.series for variable in self._variables(place)]
            for time_ms, held in held_at(self._db, series, asked).items():
                if held - self.records[place, time_ms].keys():
                    split.add(time_ms)
            if split:
                said.append(
                    f"{len(split)} records of {place[0]}/{place[1]} came in pieces, the first of"
                    f" {format_time(min(split))}; replacement would keep the last piece alone"
                )
        return said
