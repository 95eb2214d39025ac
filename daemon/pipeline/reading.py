"""This module is what becomes of a view between its pixels and the networks, for the daemon and for files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dicom_io.decoding.view import View
from dicom_io.errors import DecodingInterrupted, UnusableInstance
from models.bundle.manifest import Preprocessing
from models.errors import NonFiniteOutput, UnjudgedView
from models.finding import ViewGeometry
from models.preprocess import preprocess
from sr_templates.reason import Reason, Withheld


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PreparedView:
    """A view as the networks want it, (H, W) float32, and the geometry of the image it was made from."""

    image: NDArray[np.float32]
    geometry: ViewGeometry


def prepare(view: View, preprocessing: Preprocessing) -> PreparedView:
    """Return a view as the networks of a bundle want it."""
    rows, columns = view.image.shape
    return PreparedView(
        image=preprocess(view.image, preprocessing, view.pixel_aspect),
        geometry=ViewGeometry(rows=rows, columns=columns, pixel_aspect=view.pixel_aspect),
    )


def why_not_read(error: UnusableInstance | DecodingInterrupted | NonFiniteOutput | UnjudgedView) -> Reason:
    """Return why a view has no finding."""
    match error:
        case UnusableInstance():
            return Reason(error.defect, error.details)
        case DecodingInterrupted():
            return Reason(error.defect)
        case NonFiniteOutput():
            return Reason.because(Withheld.NO_NUMBER, member=error.member)
        case UnjudgedView():
            return Reason.because(Withheld.UNLIKE_RADIOGRAPH, warning=error.warning)
