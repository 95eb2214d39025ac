"""Compressed files in which codestream and header agree or disagree, and a program that reads them all.

``python -m tests.dicom_io.decoding.codec_matrix FOLDER`` reads each file below FOLDER right after a foreign
one, in one process, and prints what it got: the SHA-256 of the view by file name, or the reason why there is
none.
"""

import hashlib
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset, dcmread
from pydicom.uid import HTJ2KLossless, JPEG2000Lossless, JPEGLSLossless, RLELossless

from dicom_io.decoding.pixels import read_view
from dicom_io.errors import UndecodablePixels
from tests.dicom_io.decoding.compressed import CODECS, compressed_by_dcmtk, with_frame
from tests.factories import make_instance, write_instance

FOREIGN = "foreign.dcm"
ROWS, COLUMNS = 37, 53

LAYOUTS = tuple((8, stored) for stored in (7, 8)) + tuple((16, stored) for stored in (7, 8, 10, 12, 16))
"""(BitsAllocated, BitsStored)"""

_DCMTK = {
    "dcmtk-jpeg": ["dcmcjpeg", "+e1"],
    "dcmtk-jpeg-any": ["dcmcjpeg", "+el"],
    "dcmtk-jpeg-ls": ["dcmcjpls", "+el"],
    "dcmtk-jpeg-ls-cooked": ["dcmcjpls", "+el", "+pc"],
    "dcmtk-rle": ["dcmcrle"],
}
# With the plug-in named: GDCM's, which pydicom may choose, aborts on some of these headers.
_PYDICOM = {
    "pydicom-rle": (RLELossless, "pydicom"),
    "pydicom-jpeg-ls": (JPEGLSLossless, "pyjpegls"),
    "pydicom-j2k": (JPEG2000Lossless, "pylibjpeg"),
}
_SIGNED_STREAMS = (JPEG2000Lossless, HTJ2KLossless)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One header."""

    allocated: int
    stored: int
    signed: bool

    def samples(self) -> NDArray[Any]:
        """Return (ROWS, COLUMNS) samples that take the whole range."""
        dtype = f"{'i' if self.signed else 'u'}{self.allocated // 8}"
        return _spread(value_range(self.stored, signed=self.signed), dtype)

    def instance(self) -> Dataset:
        """Return the uncompressed instance."""
        return make_instance(
            pixels=self.samples(),
            bits_stored=self.stored,
            BitsAllocated=self.allocated,
            WindowCenter=None,
            WindowWidth=None,
            PixelRepresentation=int(self.signed),
        )


def value_range(bits: int, *, signed: bool) -> tuple[int, int]:
    """Return the least and the greatest number of so many bits."""
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)


def agreeing_cases() -> Iterator[tuple[str, Case]]:
    """Give every header with samples of all its values."""
    for (allocated, stored), signed in product(LAYOUTS, (False, True)):
        case = Case(allocated=allocated, stored=stored, signed=signed)
        yield f"{allocated}-{stored}-{'s' if signed else 'u'}", case


def write_written_by_others(folder: Path) -> dict[str, Path]:
    """Write what DCMTK and pydicom make of each header; give the uncompressed twin of each file name."""
    twins = {}
    for name, case in agreeing_cases():
        plain = write_instance(case.instance(), folder / f"{name}.plain")
        for program, command in _DCMTK.items():
            if case.signed and program == "dcmtk-jpeg-ls-cooked":
                continue  # DCMTK 3.6.7 itself aborts
            compressed_by_dcmtk(command, plain, folder / f"{name}-{program}.dcm")
            twins[f"{name}-{program}.dcm"] = plain
        for program, (transfer_syntax_uid, plugin) in _PYDICOM.items():
            ds = dcmread(plain)
            ds.compress(transfer_syntax_uid, encoding_plugin=plugin, generate_instance_uid=False)
            write_instance(ds, folder / f"{name}-{program}.dcm")
            twins[f"{name}-{program}.dcm"] = plain
    return twins


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A compressed file, and what reading it may give.

    Attributes
    ----------
    twin
        The uncompressed file with the same numbers; None where the header is too narrow for them.
    readable
        Whether codestream and header leave no doubt, so that a reason instead of the view would be wrong.
    """

    twin: Path | None
    readable: bool


def write_codestreams(folder: Path) -> dict[str, Written]:
    """Write codestreams of every precision and sign under every header; give what each may be read as."""
    written = {}
    for (syntax, (encode, precisions)), (name, case) in product(CODECS.items(), agreeing_cases()):
        for precision, signed in product(precisions, (False, True)):
            if signed and syntax not in _SIGNED_STREAMS:
                continue
            file = f"{name}-{syntax.rpartition('.')[2]}-{precision}-{'s' if signed else 'u'}"
            bits = min(precision, case.stored)
            numbers = _spread(value_range(bits, signed=case.signed), case.samples().dtype)
            twin = case.instance()
            twin.PixelData = numbers.tobytes()
            write_instance(twin, folder / f"{file}.plain")
            frame = encode(_as_stream(numbers, precision, signed=signed), precision)
            write_instance(with_frame(twin, frame, syntax), folder / f"{file}.dcm")
            alike = signed == case.signed or syntax not in _SIGNED_STREAMS
            certain = alike and precision <= case.allocated and not (case.signed and precision < case.stored)
            written[f"{file}.dcm"] = Written(twin=folder / f"{file}.plain", readable=certain)
            if precision > case.stored:
                wider = _spread(value_range(precision, signed=signed), np.int32 if signed else np.uint32)
                frame = encode(wider, precision)
                write_instance(with_frame(twin, frame, syntax), folder / f"{file}-wider.dcm")
                written[f"{file}-wider.dcm"] = Written(twin=None, readable=False)
    return written


def _spread(values: tuple[int, int], dtype: Any) -> NDArray[Any]:
    return np.linspace(*values, ROWS * COLUMNS).round().astype(dtype).reshape(ROWS, COLUMNS)


def _as_stream(numbers: NDArray[Any], precision: int, *, signed: bool) -> NDArray[Any]:
    """Return numbers as the bits of samples of so many bits, and these as numbers of the other sign."""
    bits = numbers.astype(np.int32) & ((1 << precision) - 1)
    return bits - ((bits >> precision - 1) << precision) if signed else bits.astype(np.uint32)


def digest(path: Path) -> str:
    """Return what reading a file gives."""
    try:
        return hashlib.sha256(read_view(path).image.tobytes()).hexdigest()
    except UndecodablePixels as error:
        return f"unreadable: {error}"


def main(folder: Path) -> None:
    """Read every file, each after a foreign one."""
    found = {}
    for path in sorted(folder.glob("*.dcm")):
        if path.name != FOREIGN:
            read_view(folder / FOREIGN)
            found[path.name] = digest(path)
    print(json.dumps(found))  # noqa: T201  what the program is for


if __name__ == "__main__":
    main(Path(sys.argv[1]))
