"""The stores that mcagent's buffer is compared with, each in the way its documentation says is
fast and, where it can be, durable. A package is imported when its contestant is opened."""

import sqlite3
import struct
from itertools import islice

from .contestant import Contestant, Ours
from .rawlog import RawLog

_KEY = struct.Struct(">Q").pack


class Sqlite(Contestant):
    """The standard library's, write-ahead log, synchronous = FULL."""

    name = "sqlite3 WAL FULL"

    def __init__(self, directory, group):
        self._db = sqlite3.connect(directory + "/queue.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE IF NOT EXISTS queue (id INTEGER PRIMARY KEY, data BLOB)")

    def put_each(self, payloads):
        execute = self._db.execute
        for payload in payloads:
            execute("INSERT INTO queue (data) VALUES (?)", (payload,))

    def put_group(self, payloads):
        self._db.execute("BEGIN")
        self._db.executemany("INSERT INTO queue (data) VALUES (?)", [(data,) for data in payloads])
        self._db.execute("COMMIT")

    def drain(self, per):
        execute = self._db.execute
        while True:
            rows = execute("SELECT id, data FROM queue ORDER BY id LIMIT ?", (per,)).fetchall()
            if not rows:
                return
            yield len(rows), b",".join([row[1] for row in rows])
            execute("DELETE FROM queue WHERE id <= ?", (rows[-1][0],))

    def close(self):
        self._db.close()


class Lmdb(Contestant):
    name = "LMDB"
    package = "lmdb"
    module = "lmdb"

    def __init__(self, directory, group):
        import lmdb

        self._db = lmdb.open(directory, map_size=4 << 30)
        with self._db.begin() as transaction:
            cursor = transaction.cursor()
            self._next = struct.unpack(">Q", cursor.key())[0] + 1 if cursor.last() else 1

    def put_each(self, payloads):
        for payload in payloads:
            self.put_group([payload])

    def put_group(self, payloads):
        with self._db.begin(write=True) as transaction:
            for key, payload in enumerate(payloads, self._next):
                transaction.put(_KEY(key), payload, append=True)
        self._next += len(payloads)

    def drain(self, per):
        while True:
            with self._db.begin() as transaction:
                items = list(islice(transaction.cursor(), per))
            if not items:
                return
            yield len(items), b",".join([item[1] for item in items])
            with self._db.begin(write=True) as transaction:
                for key, _data in items:
                    transaction.delete(key)

    def close(self):
        self._db.close()


class LevelDb(Contestant):
    name = "LevelDB (plyvel)"
    package = "plyvel"
    module = "plyvel"

    def __init__(self, directory, group):
        import plyvel

        self._db = plyvel.DB(directory, create_if_missing=True)
        last = next(self._db.iterator(reverse=True, include_value=False), None)
        self._next = struct.unpack(">Q", last)[0] + 1 if last else 1

    def put_each(self, payloads):
        put = self._db.put
        for key, payload in enumerate(payloads, self._next):
            put(_KEY(key), payload, sync=True)
        self._next += len(payloads)

    def put_group(self, payloads):
        with self._db.write_batch(sync=True) as batch:
            for key, payload in enumerate(payloads, self._next):
                batch.put(_KEY(key), payload)
        self._next += len(payloads)

    def drain(self, per):
        # One iterator for all batches: a new one would have to pass every record deleted before.
        with self._db.iterator() as iterator:
            while True:
                items = list(islice(iterator, per))
                if not items:
                    return
                yield len(items), b",".join([item[1] for item in items])
                with self._db.write_batch(sync=True) as batch:
                    for key, _data in items:
                        batch.delete(key)

    def close(self):
        self._db.close()


class PersistQueue(Contestant):
    """Its default queue: pickles in files of 100, no fsync."""

    name = "persist-queue Queue"
    package = "persist-queue"
    module = "persistqueue"
    scale_runs = 0  # a million would take minutes

    def __init__(self, directory, group):
        from persistqueue import Queue

        self._queue = Queue(directory + "/queue", tempdir=directory)

    def put_each(self, payloads):
        for payload in payloads:
            self._queue.put(payload)

    def drain(self, per):
        queue = self._queue
        while queue.qsize():
            payloads = [queue.get(block=False) for _ in range(min(per, queue.qsize()))]
            yield len(payloads), b",".join(payloads)
            queue.task_done()

    def close(self):  # the queue itself cannot be closed
        self._queue.headf.close()
        self._queue.tailf.close()


class PersistAckQueue(Contestant):
    """SQLite; each put, get and ack is a transaction of its own, there is no other way."""

    name = "persist-queue SQLiteAckQueue"
    package = "persist-queue"
    module = "persistqueue"
    scale_runs = 0  # a million would take minutes

    def __init__(self, directory, group):
        from persistqueue import SQLiteAckQueue

        self._queue = SQLiteAckQueue(directory, auto_commit=True)

    def put_each(self, payloads):
        for payload in payloads:
            self._queue.put(payload)

    def drain(self, per):
        queue = self._queue
        while queue.size:
            items = [queue.get(block=False, raw=True) for _ in range(min(per, queue.size))]
            yield len(items), b",".join([item["data"] for item in items])
            for item in items:
                queue.ack(id=item["pqid"])
            queue.clear_acked_data(max_delete=per, keep_latest=0)

    def close(self):
        self._queue.close()


class DiskCache(Contestant):
    name = "diskcache FULL"
    package = "diskcache"
    module = "diskcache"
    scale_runs = 1

    def __init__(self, directory, group):
        from diskcache import Cache

        self._cache = Cache(directory, eviction_policy="none", sqlite_synchronous=2)

    def put_each(self, payloads):
        for payload in payloads:
            self._cache.push(payload)

    def put_group(self, payloads):
        with self._cache.transact():
            self.put_each(payloads)

    def drain(self, per):
        cache = self._cache
        while len(cache):
            with cache.transact():  # what is pulled is gone when the transaction ends
                pulled = [cache.pull()[1] for _ in range(min(per, len(cache)))]
                yield len(pulled), b",".join(pulled)

    def first(self):
        return self._cache.peek()[1]

    def close(self):
        self._cache.close()


class LiteQueue(Contestant):
    """SQLite, synchronous = NORMAL (its own setting); it stores text."""

    name = "litequeue"
    package = "litequeue"
    module = "litequeue"
    scale_runs = 1

    def __init__(self, directory, group):
        import litequeue

        self._queue = litequeue.LiteQueue(directory + "/queue.db")

    def put_each(self, payloads):
        for payload in payloads:
            self._queue.put(payload.decode())

    def put_group(self, payloads):
        with self._queue.transaction():
            self.put_each(payloads)

    def drain(self, per):
        queue = self._queue
        while not queue.empty():
            # `pop` is a transaction of its own.
            popped = [queue.pop() for _ in range(per)]
            messages = [message for message in popped if message is not None]
            yield len(messages), ",".join([message.data for message in messages]).encode()
            with queue.transaction():
                for message in messages:
                    queue.done(message.message_id)

    def first(self):
        return self._queue.peek().data.encode()

    def close(self):
        self._queue.close()


class QueueLib(Contestant):
    """Never syncs; its index is written by `close` alone."""

    name = "queuelib FifoDiskQueue"
    package = "queuelib"
    module = "queuelib"

    def __init__(self, directory, group):
        from queuelib import FifoDiskQueue

        self._queue = FifoDiskQueue(directory + "/queue")

    def put_each(self, payloads):
        for payload in payloads:
            self._queue.push(payload)

    def drain(self, per):
        pop = self._queue.pop
        while True:
            payloads = [data for data in [pop() for _ in range(per)] if data is not None]
            if not payloads:
                return
            yield len(payloads), b",".join(payloads)

    def first(self):
        return self._queue.peek()

    def close(self):
        self._queue.close()


CONTESTANTS = {
    "mcagent": Ours,
    "rawlog": RawLog,
    "leveldb": LevelDb,
    "lmdb": Lmdb,
    "sqlite": Sqlite,
    "queuelib": QueueLib,
    "diskcache": DiskCache,
    "litequeue": LiteQueue,
    "persist-queue": PersistQueue,
    "persist-queue-ack": PersistAckQueue,
}
