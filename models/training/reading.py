"""Reads all images of a run once, before hours are spent on them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from models.datasets.content import content_hash
from models.datasets.sample import Sample
from models.errors import UnreadablePicture
from models.picture import read_picture

# So many unreadable files are named in the message.
_NAMED = 10


def read_once(
    samples: Sequence[Sample], *, on_read: Callable[[int], None] = lambda images: None
) -> tuple[str, ...]:
    """Read every image and return the hash of each, in order.

    Raises
    ------
    UnreadablePicture
        Some cannot be read; the message names them.
    """
    contents, unreadable = [], []
    with ThreadPoolExecutor() as threads:
        for sample, content in zip(samples, threads.map(_content, samples), strict=True):
            if content is None:
                unreadable.append(str(sample.image))
            else:
                contents.append(content)
            on_read(1)
    if unreadable:
        named = ", ".join(unreadable[:_NAMED]) + (", ..." if len(unreadable) > _NAMED else "")
        raise UnreadablePicture(
            f"{len(unreadable)} of {len(samples)} images cannot be read: {named}; "
            "export them again, or take their rows out of the data set"
        )
    return tuple(contents)


def _content(sample: Sample) -> str | None:
    """Return the hash of a readable image, None of one that is not: bytes that were read are hashed warm."""
    try:
        read_picture(sample.image)
        return content_hash(sample.image)
    except UnreadablePicture:
        return None
