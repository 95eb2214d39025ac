"""Secondary Captures for tests."""

from pathlib import Path

import numpy as np
from pydicom.uid import SecondaryCaptureImageStorage

from tests.factories import make_instance, write_instance


def picture(folder: Path, rows: int = 61, columns: int = 83, **changes: object) -> Path:
    """Write a Secondary Capture with colors, shades and noise; its sides are odd, its pixels an odd count."""
    ds = make_instance(sop_class_uid=SecondaryCaptureImageStorage, rows=2, columns=2)
    shades = np.linspace(0, 255, columns).astype(np.uint8)
    page = np.stack([np.tile(shades, (rows, 1))] * 3, axis=-1)
    page[rows // 2 :, :, 0] = np.random.default_rng(1).integers(0, 256, (rows - rows // 2, columns))
    ds.Rows, ds.Columns, ds.SamplesPerPixel = page.shape
    ds.PhotometricInterpretation, ds.PlanarConfiguration = "RGB", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8, 8, 7
    ds.LossyImageCompression = "00"
    ds.PixelData = page.tobytes() + b"\0" * (page.size % 2)
    ds["PixelData"].VR = "OB"
    for keyword, value in changes.items():
        setattr(ds, keyword, value)
    return write_instance(ds, folder / "picture.dcm")
