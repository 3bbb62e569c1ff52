"""The enumeration sees what it is for: mistakes that somebody might make, each of them caught."""

import pytest

from mcagent.credentials.keystore import Keystore
from mcagent.credentials.lifecycle import Lifecycle
from mcagent.credentials.record import Record
from mcagent.upload.session import Session
from tests.credentials.disk import Disk
from tests.credentials.life import Course, World
from tests.credentials.test_enumeration import PROFILES, STRICT
from tests.credentials.verdict import judge


def no_write_ahead(monkeypatch):
    """A rotation leaves before the disk knows of it."""
    save = Session._save

    def late(self):
        if self.lifecycle.state != "rotating":
            save(self)

    monkeypatch.setattr(Session, "_save", late)


def previous_dropped_early(monkeypatch):
    """The answer before is forgotten with the first token of the new secret."""
    take = Lifecycle._take_token

    def take_and_forget(self, response):
        taken = take(self, response)
        if taken and self._record.previous is not None and self.state == "onboarded":
            self._record.previous = None
            self._record.unsaved = True
        return taken

    monkeypatch.setattr(Lifecycle, "_take_token", take_and_forget)


def believed_before_its_token(monkeypatch):
    """The new answer replaces the one before at once, before it got a token."""
    adopt = Record.adopt_rotation

    def adopt_alone(self, answer, used):
        adopt(self, answer, used)
        self.previous = None

    monkeypatch.setattr(Record, "adopt_rotation", adopt_alone)


def rotation_on_a_plain_401(monkeypatch):
    """A service refuses the access token, and the secret is rotated for it."""
    send = Session.send

    def send_and_rotate(self, request):
        response = send(self, request)
        if response.status == 401:
            asked = self.lifecycle.next_request(self._clock.now_ms(), rotate=True)
            if asked is not None:
                self._save()
                self.lifecycle.receive(asked, self._transport.send(asked), self._clock.now_ms())
                self._save()
        return response

    monkeypatch.setattr(Session, "send", send_and_rotate)


def written_in_place(monkeypatch):
    """No temporary file, no rename; synced as it should be."""

    def write(self, path, data):
        self.create(path)
        self.write(path, data[: len(data) // 2])
        self.write(path, data[len(data) // 2 :])
        self.sync(path)
        self.sync_dir(path[: path.rfind("/")])

    monkeypatch.setattr(Disk, "write_atomic", write)


def one_copy_only(monkeypatch):
    """The second file is never written."""
    write = Disk.write_atomic

    def write_first(self, path, data):
        if not path.endswith(".copy"):
            write(self, path, data)

    monkeypatch.setattr(Disk, "write_atomic", write_first)


def copy_never_checked(monkeypatch):
    """A damaged or missing file is noticed when it is needed, and not written again."""

    def settle(self, _stale, _good):
        self._fs.sync_dir(self.directory)
        self._fs.sync_dir(self.directory[: self.directory.rfind("/")])

    monkeypatch.setattr(Keystore, "_settle", settle)


def found_is_not_settled(monkeypatch):
    """What a killed process left in the cache only is believed to be on the disk."""

    def settle(self, stale, good):
        for path in stale:
            self._fs.write_atomic(path, good)

    monkeypatch.setattr(Keystore, "_settle", settle)


def no_sync(monkeypatch):
    """Renamed before the bytes are on the medium."""
    monkeypatch.setattr(Disk, "sync", lambda _self, _path: None)


def one_key_for_all_attempts(monkeypatch):
    """A repeated rotation names the same RSA key, and hides the one that arrives late."""
    monkeypatch.setattr(Record, "forget_key", lambda _self: None)


# What is caught by pairs alone, with the first fault of the pair that shows it soonest; all pairs
# take minutes.
PLANTS = {
    no_write_ahead: "",
    previous_dropped_early: "",
    believed_before_its_token: "",
    rotation_on_a_plain_401: "",
    written_in_place: "rot before request 4",
    one_copy_only: "",
    copy_never_checked: "damage",
    found_is_not_settled: "kill at 1:",
    no_sync: "",
    one_key_for_all_attempts: "",
}


def _begins(course, first):
    return bool(first) and course.name[0].startswith(first)


def first_harm(first):
    """The name of the first course that ends badly, and how; None where all end well."""
    for profile in PROFILES:
        world = World(profile=profile, **STRICT)
        courses = [Course(world)]
        try:
            while courses:
                course = courses.pop(0)
                judge(course.run())
                if len(course.name) == 0 or (len(course.name) == 1 and _begins(course, first)):
                    courses = [*course.faults(), *courses]
        except (AssertionError, KeyError) as error:
            return course.name, str(error).split("\n")[0]
    return None


@pytest.mark.slow
@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_planted_bug_is_caught(plant, monkeypatch, figure):
    plant(monkeypatch)
    harm = first_harm(PLANTS[plant])
    assert harm is not None, "not caught"
    name, error = harm
    figure(f"planted: {plant.__name__}", f"caught by {' + '.join(name) or 'the story'}: {error}")
