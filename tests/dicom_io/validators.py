"""What dciodvfy says of an object, a validator that shares no code with us."""

import subprocess
from pathlib import Path


def dciodvfy_errors(data: bytes, folder: Path) -> list[str]:
    """Return the errors that dciodvfy finds in a Part 10 file; its warnings are left out."""
    path = folder / "object.dcm"
    path.write_bytes(data)
    done = subprocess.run(["dciodvfy", "-new", path], capture_output=True, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return [line for line in lines if line.startswith("Error")]
