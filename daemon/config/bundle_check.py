"""This module decides whether the configured bundle may serve patients' images here."""

from daemon.config.sections import Analysis
from daemon.errors import ConfigurationInvalid
from models.bundle.manifest import BundleIdentity


def require_usable(identity: BundleIdentity, analysis: Analysis) -> None:
    """Refuse a bundle that the configuration does not allow.

    Raises
    ------
    ConfigurationInvalid
        An untrained bundle without `analysis.allow_untrained`, or an operating point that the bundle
        does not have.
    """
    mistakes = []
    if not identity.trained and not analysis.allow_untrained:
        mistakes.append(
            f"analysis.bundle: {identity.label} has random weights, its probabilities mean nothing; "
            "name a trained bundle, or set analysis.allow_untrained = true to try the way of the data"
        )
    names = [point.name for point in identity.operating_points]
    if analysis.operating_point not in names:
        mistakes.append(
            f"analysis.operating_point = {analysis.operating_point!r}: the bundle has {', '.join(names)}"
        )
    if mistakes:
        raise ConfigurationInvalid(f"bundle {analysis.bundle}", mistakes)
