"""Files of assets (services API 3)."""

import os
from typing import Iterator

from ..errors import ConfigurationError
from .files_download import Download, Downloaded
from .files_source import Source
from .files_state import UploadState, default_directory
from .files_upload import PART_BYTES, Upload, Uploaded, part_size
from .files_values import FileMeta, Progress, StoredFile, check_name
from .paging import by_offset, objects
from .query import path
from .session import Session

_BASE = "/api/iotfile/v3"
_PAGE_SIZE = 500
_OFFSET_MAX = 5000  # one text of the platform says 5 000, another 10 000


class Files:
    """Upload, list, download and delete files of any size.

        uploaded = Files(session).upload("video.mp4", asset.id, name="videos/video.mp4")

    Args:
        session: Whose credentials need the scopes ``iot.fil.*``; an agent's own token reaches its
            own asset.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, asset_id: str) -> "Iterator[StoredFile]":
        """All files of an asset, sorted by name."""
        return self._listed(asset_id, "")

    def find(self, asset_id: str, name: str) -> "StoredFile | None":
        """One file; None where there is none."""
        *folders, last = check_name(name)
        folder = "".join(f"{one}/" for one in folders)
        # A filter that the service cannot read is ignored, and everything comes.
        plain = not set(name) & set("'\"*") and " and " not in name
        wanted = f"name eq '{last}' and path eq '{folder}'" if plain else ""
        return next((one for one in self._listed(asset_id, wanted) if one.name == name), None)

    def upload(
        self,
        source: "str | os.PathLike[str]",
        asset_id: str,
        *,
        name: "str | None" = None,
        meta: "FileMeta | None" = None,
        replace: bool = False,
        part_bytes: int = PART_BYTES,
        state_directory: "str | None" = None,
        on_progress: "Progress | None" = None,
    ) -> Uploaded:
        """Upload a file; after a cut, call it again: it goes on where it was.

        Args:
            source: The local file. It must not change on the way; that is noticed.
            asset_id: The asset that it shall belong to.
            name: With its path, such as ``logs/pump.log``; None takes the local name.
            meta: Kept beside the bytes.
            replace: Replace a file of that name; False refuses.
            part_bytes: Files up to this size go in one request, others in parts of it.
            state_directory: Where an unfinished upload is noted; None takes
                ``~/.local/state/mcagent/uploads``.
            on_progress: Told bytes so far and in all.

        Raises:
            FileChanged: The file changed on the way; nothing of it is visible on the platform.
            ConfigurationError: There is a file of that name and *replace* is False, or the state
                cannot be kept.
            InvalidMessage: *source* is no file, *name* no name.
            RemoteError: The platform refuses.
            TransportError: The link is away; what arrived is kept for the next call.
        """
        local = Source(source)
        target = name if name is not None else os.path.basename(os.fspath(source))
        segments = check_name(target)
        size = part_size(local.size, part_bytes)
        directory = state_directory or default_directory()
        state = UploadState(directory, (self._session.gateway, asset_id, target), local.path)
        try:
            before = self.find(asset_id, target)
            upload = Upload(
                self._session,
                url=path(f"{_BASE}/files", asset_id, *segments),
                # Spelt so by Siemens' Node client; the documentation says filelist.
                parts_url=path(f"{_BASE}/fileslist", asset_id, *segments),
                find=lambda: self.find(asset_id, target),
                source=local,
                state=state,
                meta=meta or FileMeta(),
                part_bytes=size,
                on_progress=on_progress,
            )
            done = upload.finished_before(before)
            if done is not None:
                return done
            if before is not None and not replace:
                raise ConfigurationError(
                    f"asset {asset_id} has a file {target} already ({before.size} bytes)",
                    hint="replace it on purpose (replace), or give another name",
                )
            return upload.run(before)
        finally:
            state.close()

    def download(
        self,
        asset_id: str,
        name: str,
        to: "str | os.PathLike[str]",
        *,
        replace: bool = False,
        on_progress: "Progress | None" = None,
    ) -> Downloaded:
        """Download a file in constant memory; after a cut, call it again: it goes on.

        Args:
            asset_id: Its asset.
            name: With its path.
            to: The local file.
            replace: Replace a local file; False refuses.
            on_progress: Told bytes so far and in all.

        Raises:
            ConfigurationError: *to* exists and *replace* is False, or cannot be written.
            RemoteError: 404: there is no such file.
            TransportError: The link is away; what arrived is kept beside *to*.
        """
        local = os.fspath(to)
        if os.path.exists(local) and not replace:
            raise ConfigurationError(
                f"{local} is there already", hint="replace it on purpose, or name another file"
            )
        return Download(
            self._session,
            url=self._url(asset_id, name),
            to=local,
            doing=f"downloading {name} of asset {asset_id}",
            on_progress=on_progress,
        ).run()

    def delete(self, asset_id: str, name: str) -> None:
        """Delete a file for good; one that is gone already is as good."""
        self._session.call(
            "DELETE",
            self._url(asset_id, name),
            scope="iot.fil.d",
            doing=f"deleting {name} of asset {asset_id}",
            expect=(200, 204, 404),
        )

    def _url(self, asset_id: str, name: str) -> str:
        return path(f"{_BASE}/files", asset_id, *check_name(name))

    def _listed(self, asset_id: str, wanted: str) -> "Iterator[StoredFile]":
        doing = f"listing files of asset {asset_id}"

        def fetch(offset: int, limit: int) -> "list[dict[str, object]]":
            answer = self._session.get_json(
                path(f"{_BASE}/files", asset_id),
                # None leaves the filter out.
                (
                    ("offset", offset),
                    ("limit", limit),
                    ("order", "name asc"),
                    ("filter", wanted or None),
                ),
                scope="iot.fil.r",
                doing=doing,
            )
            return objects(answer, doing)

        for wire in by_offset(fetch, limit=_PAGE_SIZE, doing=doing, most=_OFFSET_MAX):
            yield StoredFile.from_wire(asset_id, wire)
