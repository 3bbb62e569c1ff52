"""Send the history that lies in CSV files to Insights Hub, and end when all of it was accepted.

    pip install mcagent
    python csv_backfill.py csv_backfill.toml

Stop it, kill it, pull the plug: it goes on where it was. A row that is sent twice replaces itself.
"""

import csv
import glob
import logging
import os
import time
import zlib

from mcagent import BufferFull, ConfigurationError, InvalidMessage
from mcagent.collector import CollectorFile, run_collector
from mcagent.collectorfile import TIME_FORMATS, time_ms, value_of
from mcagent.progress import Progress

CSV = {
    "folder": str,
    "time": str,
    "time_format": TIME_FORMATS,
    "delimiter": ",",
    "decimal": ".",
}
POINT = {"column": str}
ROWS = 500  # between two looks at the progress, and at SIGTERM
UNCHANGED_S = 5  # a last line without its end may still be written
MARK_BYTES = 1000
TELL_EVERY_S = 10


class Backfill:
    """Rows of all files, and how far each of them is safely in the buffer."""

    def __init__(self, file, agent):
        self.file, self.agent, self.troubles = file, agent, file.troubles
        self.folder = file.path(file.peer.folder)
        self.rows_read, self.told_s = 0, time.monotonic()
        self.left_out, self.sizes, self.full = set(), {}, ""
        self.progress = Progress(agent, "csv_progress.json")  # name -> header, offset, mark

    def tick(self):
        """Record the next rows; close the agent, which ends its loop, when there are none."""
        if not os.path.isdir(self.folder):
            return self.troubles.tell(self.folder, "is no folder", hint="is it mounted?")
        waits = False
        for path in sorted(glob.glob(os.path.join(self.folder, "*.csv"))):
            if path in self.left_out:
                continue
            try:
                count, whole = self.read(path)
            except (OSError, csv.Error, InvalidMessage) as error:
                self.left_out.add(path)
                hint = getattr(error, "hint", "") or "mend it, start again"
                self.troubles.tell(path, f"cannot be read: {error}", hint=hint)
                continue
            if count:
                self.rows_read += count
                return self.tell()
            waits = waits or not whole
        pending = self.agent.status().pending
        self.tell(f"{pending} records wait for the platform{self.full}")
        return None if waits or pending else self.agent.close()

    def read(self, path):
        """Record up to ROWS rows; how many, and whether all that it holds was read."""
        name, peer = os.path.basename(path), self.file.peer
        with open(path, "rb") as file:
            header = file.readline().decode("utf-8-sig", "replace")
            settled = self.is_settled(path, os.fstat(file.fileno()).st_size)
            if not (settled or header.endswith("\n")):
                return 0, False
            columns = self.columns(name, header)
            place = {"header": header, "offset": file.tell()}
            before = self.progress.done.get(name, {})
            if before.get("header") == header and before.get("mark") == mark(file, before):
                place = before  # else another file by that name: from its beginning
            file.seek(place["offset"])
            lines = Lines(file, settled=settled)
            count, offset = 0, place["offset"]
            for row in csv.reader(lines, delimiter=peer.delimiter):
                try:
                    if any(row):
                        self.record(name, columns, dict(zip(columns, row)))
                except BufferFull as error:
                    self.full, lines.whole = f", no room: {error}", False
                    break  # the same row again, once there is some
                except InvalidMessage as error:
                    self.troubles.tell(name, str(error), hint=error.hint)
                count, offset = count + 1, file.tell()
                if count == ROWS:
                    break
            if count:
                self.full, place = "", {"header": header, "offset": offset}
                self.progress.done[name] = {**place, "mark": mark(file, place)}
                self.progress.save()  # first the rows, then that they are here
        return count, lines.whole

    def columns(self, name, header):
        """The columns of a file; what the table wants and is not among them is told."""
        columns = next(csv.reader([header], delimiter=self.file.peer.delimiter), [])
        columns = [column.strip() for column in columns]
        when, wanted = self.file.peer.time, [point.column for point in self.file.points]
        there = f"there are {', '.join(map(repr, columns))[:150]}: is the delimiter right?"
        if columns and not (when in columns and set(wanted) & set(columns)):
            column = wanted[0] if when in columns else when
            raise InvalidMessage(f"it has no column {column!r}", hint=there)
        for column in (when, *wanted):
            if columns.count(column) > 1:
                raise InvalidMessage(f"it has two columns {column!r}", hint="rename one of them")
            subject = f"{name}, column {column}"
            if columns and column not in columns and subject not in self.troubles.counts:
                hint = f"{there} Once mended, remove {self.progress.path} to read it again"
                self.troubles.tell(subject, "is not there", hint=hint)
        return columns

    def is_settled(self, path, size):
        """Whether nobody is writing to it; by our own clock, which no share has."""
        if self.sizes.get(path, ())[:1] != (size,):
            self.sizes[path] = size, time.monotonic()
        return time.monotonic() - self.sizes[path][1] >= UNCHANGED_S

    def record(self, name, columns, row):
        peer, values = self.file.peer, {}
        try:
            when = time_ms(row.get(peer.time), peer.time_format)
        except InvalidMessage as error:
            return self.troubles.tell(f"{name}, column {peer.time}", str(error), hint=error.hint)
        for point in self.file.points:
            text = row.get(point.column)
            if text == "" or point.column not in columns:
                continue  # nothing was measured
            try:
                if point.type == "DOUBLE":
                    text = with_point(text, peer.decimal)
                values[point.id] = value_of(point.type, text, length=point.length)
            except InvalidMessage as error:
                subject = f"{name}, column {point.column}"
                self.troubles.tell(subject, f"{row.get(peer.time)}: {error}", hint=error.hint)
        return self.agent.record(values, timestamp=when) if values else None

    def tell(self, text=""):
        if time.monotonic() - self.told_s >= TELL_EVERY_S:
            self.told_s = time.monotonic()
            logging.getLogger("csv").info("%d rows read so far; %s", self.rows_read, text)


class Lines:
    """Lines of *file*, without a last one that may still be written."""

    def __init__(self, file, *, settled):
        self.file, self.settled, self.whole = file, settled, True

    def __iter__(self):
        return self

    def __next__(self):
        line = self.file.readline()
        if line and not line.endswith(b"\n") and not self.settled:
            self.whole = False
            line = b""
        if not line:
            raise StopIteration
        return line.decode("utf-8", "replace")  # � is no number, and is told then


def mark(file, place):
    """What stands before *place*: in a file that was written anew that is something else."""
    begin = max(0, place["offset"] - MARK_BYTES)
    file.seek(begin)
    return zlib.crc32(file.read(place["offset"] - begin))


def with_point(text, decimal):
    """*text* with a decimal point; whether another one separates thousands is not guessed."""
    if text and decimal != "." and "." in text:
        hint = "write it without signs between thousands"
        raise InvalidMessage(f"{text!r} has a point, but decimal is {decimal!r}", hint=hint)
    return text and text.replace(decimal, ".")


def main(path):
    file = CollectorFile(path, "csv", CSV, POINT)
    peer = file.peer
    if len(peer.delimiter) != 1 or len(peer.decimal) != 1:
        hint = "delimiter and decimal: one character each"
        raise ConfigurationError(f"{peer.where}: the format cannot be read", hint=hint)
    with file.open_agent(policy="reject") as agent:
        backfill = Backfill(file, agent)
        agent.run(backfill.tick, every_s=0.05)
        print(f"rows read: {backfill.rows_read}; {file.troubles}")
        if file.troubles.counts:
            print(f"once all is mended, remove {backfill.progress.path} to read the rows again")


if __name__ == "__main__":
    run_collector(main, __doc__)
