"""The CSV backfill: each row of the files is what the hub stores, however often it is killed."""

import datetime as dt
import os

from tests.examples.scene import Comparison, Scene, wait_for

BEGIN = dt.datetime(2026, 1, 5, 8, tzinfo=dt.timezone.utc)
ROWS = 20_000
HEAD = "time,Strokes,Oil\n"


def row(number):
    at = BEGIN + dt.timedelta(milliseconds=250 * number)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), number, number / 8


def write(scene, name, numbers, head=HEAD):
    folder = os.path.join(scene.folder, "history")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "a", encoding="utf-8") as file:
        file.write(head)
        file.writelines("%s,%d,%s\n" % row(number) for number in numbers)


def run(folder, say=lambda line: None):
    """Read two files through an outage and kills, the second growing meanwhile; compare."""
    with Scene(folder, "csv_backfill", say) as scene:
        write(scene, "2026-01.csv", range(ROWS // 2))
        progress = os.path.join(scene.folder, "state", "csv_progress.json")
        collector = scene.collector().start()
        # Not before it is onboarded: a kill in that very request may cost the boarding file.
        wait_for(scene.hub.stored, collector.output)
        say("the link to the hub is cut")  # so that it cannot come to its end meanwhile
        scene.hub.disconnect()
        kills, part = 0, (ROWS // 2 - 1000) // 3
        for number in range(3):
            wait_for(lambda: os.path.exists(progress), collector.output)
            seen = os.stat(progress).st_mtime_ns
            begin = ROWS // 2 + number * part
            write(
                scene, "2026-02.csv", range(begin, begin + part), head=HEAD if not number else ""
            )

            def moved(seen=seen):
                if collector.ended():  # all that there was had arrived before the cut
                    collector.start()
                return os.stat(progress).st_mtime_ns != seen

            wait_for(moved, collector.output)
            say("SIGKILL of the collector, and at once again")
            kills += collector.kill_unless_ended()  # it may be at its end: all had arrived
            collector.start()
        say("the link to the hub is back")
        stored = len(scene.hub.stored())
        scene.hub.reconnect()
        wait_for(lambda: len(scene.hub.stored()) > stored, collector.output)
        say("SIGKILL while it sends")
        kills += collector.kill_unless_ended()
        write(scene, "2026-02.csv", range(ROWS - 1000, ROWS), head="")
        say("a thousand rows more; until the collector ends by itself")
        collector.start()
        wait_for(collector.ended, collector.output)
        status = collector.stop()
        assert kills >= 2, "there was nobody to be killed"
        say(f"it ended with status {status} after {kills} kills")
        assert status == 0, collector.output()
        again = scene.collector().start()
        wait_for(again.ended, again.output)
        assert "rows read: 0; troubles: none" in again.output()
        scene.hub.settle()
        said = [row(number) for number in range(ROWS)]
        samples = [
            (record["_time"], record["values"]["strokes"], record["values"]["oil_temperature"])
            for record in scene.hub.stored()
        ]
        return [Comparison("time, strokes, oil_temperature", said, samples)]
