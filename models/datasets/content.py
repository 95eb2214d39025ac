"""Says which images these are by their content. This module knows bytes, no names, folders or dates.

An image is what its bytes hash to. MURA calls every file "image1.png", and a copied file keeps its name, so
that names tell nothing; a data set that was moved or renamed is still the same.
"""

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from models.errors import UnreadablePicture

# Hashing releases Python's lock; more readers than this wait for the disk.
_READERS = 8


def content_hash(image: Path) -> str:
    """Return the SHA-256 of the file's bytes; raise UnreadablePicture if they cannot be had."""
    try:
        with image.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as exc:
        raise UnreadablePicture(f"{image}: cannot be read ({exc.strerror}); check the data set") from exc


def content_hashes(images: Iterable[Path]) -> tuple[str, ...]:
    """Return the SHA-256 of each file, in order."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="hash") as readers:
        return tuple(readers.map(content_hash, images))
