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
TELL_EVERY_S = 10


class Backfill:
    """Rows of all files, and how far each of them is safely in the buffer."""

    def __init__(self, file, agent):
        self.file, self.agent, self.troubles = file, agent, file.troubles
        self.folder = file.path(file.peer.folder)
        self.rows_read, self.told_s = 0, time.monotonic()
        self.left_out = set()
        self.progress = Progress(agent, "csv_progress.json")  # name -> header and offset

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
            except (OSError, csv.Error) as error:
                self.left_out.add(path)
                self.troubles.tell(path, f"cannot be read: {error}", hint="mend it, start again")
                continue
            if count:
                self.rows_read += count
                return self.tell()
            waits = waits or not whole
        pending = self.agent.status().pending
        self.tell(f"{pending} records wait for the platform")
        return None if waits or pending else self.agent.close()

    def read(self, path):
        """Record up to ROWS rows; how many, and whether the rest of the file is complete."""
        name = os.path.basename(path)
        with open(path, "rb") as file:
            header = file.readline().decode("utf-8-sig", "replace")
            before = self.progress.done.get(name, {})
            same = before.get("header") == header and before["offset"] <= os.path.getsize(path)
            if same:  # else another file by that name: from its beginning
                file.seek(before["offset"])
            place = {"header": header, "offset": file.tell()}
            lines = Lines(file, os.fstat(file.fileno()).st_mtime)
            columns = next(csv.reader([header], delimiter=self.file.peer.delimiter), [])
            count = 0
            for row in csv.reader(lines, delimiter=self.file.peer.delimiter):
                try:
                    self.record(name, dict(zip(columns, row)))
                except BufferFull:
                    break  # the same row again, once the platform has taken some
                count += 1
                place["offset"] = file.tell()
                if count == ROWS:
                    break
        if count:
            self.progress.done[name] = place
            self.progress.save()  # first the rows, then that they are here
        return count, lines.whole

    def record(self, name, row):
        peer, values = self.file.peer, {}
        try:
            when = time_ms(row.get(peer.time), peer.time_format)
        except InvalidMessage as error:
            return self.troubles.tell(f"{name}, column {peer.time}", str(error), hint=error.hint)
        for point in self.file.points:
            text = row.get(point.column)
            if text == "":
                continue  # nothing was measured
            if text is not None and point.type == "DOUBLE":
                text = text.replace(peer.decimal, ".")
            try:
                values[point.id] = value_of(point.type, text)
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

    def __init__(self, file, changed_s):
        self.file, self.changed_s, self.whole = file, changed_s, True

    def __iter__(self):
        return self

    def __next__(self):
        line = self.file.readline()
        if line and not line.endswith(b"\n") and time.time() - self.changed_s < UNCHANGED_S:
            self.whole = False
            line = b""
        if not line:
            raise StopIteration
        return line.decode("utf-8", "replace")  # � is no number, and is told then


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


if __name__ == "__main__":
    run_collector(main, __doc__)
