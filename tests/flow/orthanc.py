"""A real Orthanc as the PACS of a test."""

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.flow.ports import free_port

AE_TITLE = "ORTHANC"


class Orthanc:
    """What a test asks an Orthanc through its REST API."""

    def __init__(self, dicom_port: int, http_port: int) -> None:
        self.dicom_port = dicom_port
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=30.0)

    def is_up(self) -> bool:
        """Tell whether it answers."""
        try:
            return self._client.get("/system").status_code == 200
        except httpx.TransportError:
            return False

    def instances_of(self, study_instance_uid: str) -> list[dict[str, Any]]:
        """Give the tags of every instance of a study, by keyword, in any order."""
        query = {
            "Level": "Instance",
            "Query": {"StudyInstanceUID": study_instance_uid},
            "Expand": False,
        }
        found = self._client.post("/tools/find", json=query).raise_for_status().json()
        return [
            self._client.get(f"/instances/{name}/simplified-tags").raise_for_status().json() for name in found
        ]

    def file_of(self, sop_instance_uid: str) -> bytes:
        """Give the Part 10 file of an instance."""
        query = {"Level": "Instance", "Query": {"SOPInstanceUID": sop_instance_uid}}
        (found,) = self._client.post("/tools/find", json=query).raise_for_status().json()
        return self._client.get(f"/instances/{found}/file").raise_for_status().content

    def close(self) -> None:
        """Close the client."""
        self._client.close()


@contextmanager
def running_orthanc(
    folder: Path,
    *,
    dicom_port: int | None = None,
    http_port: int | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Iterator[Orthanc]:
    """Run an Orthanc on this machine with its storage below `folder`; `extra` adds to its configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    dicom_port, http_port = dicom_port or free_port(), http_port or free_port()
    configuration = {
        "Name": "ulna tests",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "Plugins": [],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "HttpPort": http_port,
        "DicomPort": dicom_port,
        "DicomAet": AE_TITLE,
        "DicomCheckCalledAet": True,
        "OverwriteInstances": False,
        **(extra or {}),
    }
    path = folder / "orthanc.json"
    path.write_text(json.dumps(configuration))
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(path)], stdout=log, stderr=log)
    orthanc = Orthanc(dicom_port, http_port)
    try:
        deadline = time.monotonic() + 60
        while not orthanc.is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError((folder / "orthanc.log").read_text())
            time.sleep(0.1)
        yield orthanc
    finally:
        orthanc.close()
        process.terminate()
        process.wait()
