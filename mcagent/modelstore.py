"""The data model that samples are checked against, kept beside the buffer.

The models lane of the buffer holds what still has to be sent; this file remembers the last model
after it was delivered, because a device script records before, and often without, describing it
again.
"""

from .errors import InvalidMessage
from .messages.datamodel import DataModel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .runtime import FileSystem

_VERSION = 1


class ModelStore:
    """`model.json` in a state directory.

    Attributes:
        model: The last model submitted; None before the first.
        sequence: Its sequence number in the models lane; 0 before the first.
        consent: True for consent to the loss of every mapping that it deletes on the platform, or
            the list of those that it was given for; else False.
        directory, fs: As given.
    """

    def __init__(self, directory: str, fs: "FileSystem") -> None:
        self.directory = directory
        self.fs = fs
        self._path = directory + "/model.json"
        self.model: "DataModel | None" = None
        self.sequence = 0
        self.consent: "bool | list[str]" = False

    def load(self) -> str:
        """Read the file. Return what was wrong with it, ``""`` when nothing was."""
        import json

        try:
            state = json.loads(self.fs.read(self._path).decode())
            if state["version"] != _VERSION:
                return "model.json has version %s, this release reads %d" % (
                    state["version"],
                    _VERSION,
                )
            self.model = DataModel.from_state(state["model"])
            self.sequence = state["sequence"]
            self.consent = state.get("lose_mappings", False)
        except OSError:
            return ""  # no model yet
        except (ValueError, KeyError, TypeError, AttributeError, InvalidMessage) as error:
            # Not fatal: samples are still stored, and the script submits its model at each start.
            return "model.json is damaged (%s); samples go unchecked until a model comes" % error
        return ""

    def fragment(self) -> "bytes | None":
        """The model on the wire; None before the first."""
        return None if self.model is None else self.model.fragment()

    def consent_for(self, sequence: int) -> "bool | list[str]":
        """The consent for the record *sequence* of the models lane; 0: for the present model."""
        return self.consent if sequence in (0, self.sequence) else False

    def save(self, model: "DataModel", sequence: int, consent: "bool | list[str]" = False) -> None:
        """Remember *model* once its record in the models lane is durable."""
        import json

        state = {"version": _VERSION, "sequence": sequence, "model": model.to_state()}
        if consent:
            state["lose_mappings"] = consent
        self.fs.write_atomic(self._path, json.dumps(state).encode())
        self.model = model
        self.sequence = sequence
        self.consent = consent
