"""This module names what can go wrong between a dropped file and its prediction."""

from daemon.errors import DaemonError


class PredictorError(DaemonError):
    """Root; the messages are sentences for the person at the page, without a word of what was sent."""


class UnusableUpload(PredictorError):
    """The bytes are no radiograph that is read here, or there are none."""


class UploadTooLarge(PredictorError):
    """The file, or the study, is larger than is taken."""


class UnknownUpload(PredictorError):
    """Nothing is kept under this token, or not any more."""


class SeveralStudies(PredictorError):
    """The files are of several studies."""


class PredictorBusy(PredictorError):
    """Others are served first; a moment later there may be room."""


class PredictionFailed(PredictorError):
    """The process that analyzes cannot start, or ended without an answer."""
