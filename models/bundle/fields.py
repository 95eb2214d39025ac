"""Names the field types of a manifest: what a name, a version, a hash or a fraction may be."""

from typing import Annotated

from pydantic import Field

# Every architecture halves its input five times. Only multiples of 32 give all of them the same map.
_STRIDE = 32

Text = Annotated[str, Field(min_length=1, max_length=2000, pattern=r"^[\x20-\x7e]+$")]
# A noun that stands in headlines: short, on one line, written as within a sentence.
Noun = Annotated[str, Field(max_length=24, pattern=r"^[a-z][a-z -]*[a-z]$")]
# The value representations of codes (PS3.5 6.2): SH and LO, without backslash.
ShortString = Annotated[str, Field(max_length=16, pattern=r"^[\x21-\x5b\x5d-\x7e]+$")]
LongString = Annotated[str, Field(max_length=64, pattern=r"^[\x21-\x5b\x5d-\x7e][\x20-\x5b\x5d-\x7e]*$")]
# Name, version and " UNTRAINED" together stay within 64 characters, so that a label fits where it is shown.
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,35}$")]
Version = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.+-]{0,15}$")]
# A plain name: no folder, no "..", no drive, so a manifest cannot point outside its bundle.
WeightsFile = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}\.safetensors$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# The beginning of an image's SHA-256: enough to recognize one among millions.
ImageHash = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(gt=0.0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
# TOML has arrays only, so a tuple is the one type that is not taken literally.
Interval = Annotated[tuple[Fraction, Fraction], Field(strict=False)]
Range = Annotated[tuple[Finite, Finite], Field(strict=False)]
Side = Annotated[int, Field(ge=_STRIDE, le=2048, multiple_of=_STRIDE)]
InputSize = Annotated[tuple[Side, Side], Field(strict=False)]
