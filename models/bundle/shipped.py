"""Finds bundles by name: those that come with ulna lie in `models/bundles`, one folder each."""

from pathlib import Path

from models.bundle.manifest import MANIFEST_NAME

SHIPPED = Path(__file__).parents[1] / "bundles"
DEFAULT_BUNDLE = "ensemble200-fracatlas"


def shipped_bundles() -> tuple[str, ...]:
    """Return the names of the bundles that come with ulna."""
    return tuple(sorted(manifest.parent.name for manifest in SHIPPED.glob(f"*/{MANIFEST_NAME}")))


def bundle_folder(name: str | Path) -> Path:
    """Return the folder of the bundle that is called `name`, or else the folder at the path `name`.

    A name wins over a folder of the same name in the working directory; that one is "./name".
    """
    return SHIPPED / name if str(name) in shipped_bundles() else Path(name)
