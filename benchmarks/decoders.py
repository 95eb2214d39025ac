"""Times the decoders of compressed frames, alternating: ulna's, GDCM's, and those that pydicom drives.

    .venv/bin/python -m benchmarks.decoders [--rounds 5] [--rows 3000] [--columns 2500]

For each transfer syntax one 12-bit image is compressed and decoded again by each decoder in turn; the table
gives medians in milliseconds, and the ratio to ulna's. ulna's figures include what it does for safety: it
looks through the codestream beforehand, and decodes each JPEG twice. `in its process` is what a stage waits
for: the view as float32, read in a process that was forked for it.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLosslessSV1, JPEGLSLossless, RLELossless
from rich.console import Console
from rich.table import Table

from dicom_io.decoding.decoder import Decoder
from dicom_io.decoding.pixel_format import PixelFormat
from dicom_io.decoding.stored_values import decode_encapsulated
from tests.dicom_io.decoding.compressed import htj2k, jpeg_2000, jpeg_lossless, jpeg_ls, with_frame
from tests.factories import make_instance, write_instance

PYDICOM_PLUGINS: dict[str, tuple[str, ...]] = {
    JPEGLosslessSV1: ("gdcm",),
    JPEGLSLossless: ("gdcm", "pyjpegls"),
    JPEG2000Lossless: ("gdcm", "pylibjpeg"),
    HTJ2KLossless: ("pylibjpeg",),
    RLELossless: ("pydicom",),
}


def radiograph_like(rows: int, columns: int) -> np.ndarray:
    """Return smooth 12-bit shades with the noise of a detector."""
    y, x = np.mgrid[0:rows, 0:columns]
    shades = (np.sin(x / 200) + np.cos(y / 300) + 2) * 900 + 50
    noise = np.random.default_rng(0).normal(0, 12, shades.shape)
    pixels: np.ndarray = (shades + noise).clip(0, 4095).astype(np.uint16)
    return pixels


def compressed(pixels: np.ndarray) -> dict[str, Dataset]:
    """Return the image in each transfer syntax."""
    plain = make_instance(pixels=pixels, WindowCenter=None, WindowWidth=None)
    frames = {
        JPEGLosslessSV1: jpeg_lossless(pixels, 12),
        JPEGLSLossless: jpeg_ls(pixels, 12),
        JPEG2000Lossless: jpeg_2000(pixels, 12),
        HTJ2KLossless: htj2k(pixels, 16),
    }
    instances: dict[str, Dataset] = {uid: with_frame(plain, frame, uid) for uid, frame in frames.items()}
    instances[RLELossless] = make_instance(pixels=pixels, WindowCenter=None, WindowWidth=None)
    instances[RLELossless].compress(RLELossless, encoding_plugin="gdcm", generate_instance_uid=False)
    return instances


def decoders_of(
    transfer_syntax_uid: str, path: Path, pixels: np.ndarray, process: Decoder
) -> dict[str, Callable[[], object]]:
    """Return what decodes a file, by name; each gives the image."""
    data = dcmread(path).PixelData
    layout = PixelFormat(
        rows=pixels.shape[0],
        columns=pixels.shape[1],
        bits_allocated=16,
        bits_stored=12,
        high_bit=11,
        signed=False,
    )

    def by_pydicom(plugin: str) -> np.ndarray:
        ds = dcmread(path)
        ds.pixel_array_options(decoding_plugin=plugin)
        return ds.pixel_array

    named: dict[str, Callable[[], object]] = {
        "ulna": lambda: decode_encapsulated(data, layout, transfer_syntax_uid=transfer_syntax_uid),
        "ulna, in its process": lambda: process.read_view(path).image,
    }
    for plugin in PYDICOM_PLUGINS[transfer_syntax_uid]:
        named[plugin] = lambda plugin=plugin: by_pydicom(plugin)  # type: ignore[misc]
    return named


def timed(named: dict[str, Callable[[], object]], rounds: int) -> tuple[dict[str, float], dict[str, object]]:
    """Return the median seconds of each decoder, and what it gave."""
    times: dict[str, list[float]] = {name: [] for name in named}
    decoded = {}
    for _ in range(rounds):
        for name, decode in named.items():
            begun = time.perf_counter()
            decoded[name] = decode()
            times[name].append(time.perf_counter() - begun)
    return {name: median(taken) for name, taken in times.items()}, decoded


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=3000)
    parser.add_argument("--columns", type=int, default=2500)
    options = parser.parse_args()
    pixels = radiograph_like(options.rows, options.columns)
    table = Table("transfer syntax", "decoder", "ms", "x ulna's time", "exact")
    with tempfile.TemporaryDirectory() as folder, Decoder() as process:
        for uid, ds in compressed(pixels).items():
            path = write_instance(ds, Path(folder) / f"{uid}.dcm")
            seconds, decoded = timed(decoders_of(uid, path, pixels, process), options.rounds)
            for name, taken in seconds.items():
                exact = "" if "process" in name else str(np.array_equal(np.asarray(decoded[name]), pixels))
                ratio = f"{taken / seconds['ulna']:.2f}"
                table.add_row(
                    ds.file_meta.TransferSyntaxUID.keyword, name, f"{1000 * taken:.0f}", ratio, exact
                )
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
