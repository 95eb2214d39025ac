"""This module makes the configured bundle ready on the configured engine, for the daemon and for files."""

from daemon.config.bundle_check import require_usable
from daemon.config.sections import Analysis, Storage
from models.bundle.manifest import read_identity
from models.deployment import Deployment, deploy


def deploy_configured(analysis: Analysis, storage: Storage, *, make_export: bool) -> Deployment:
    """Make the bundle ready; arguments and errors as of `models.deployment.deploy`.

    Raises
    ------
    ConfigurationInvalid
        The configuration does not allow this bundle.
    """
    require_usable(read_identity(analysis.bundle), analysis)
    return deploy(
        analysis.bundle,
        engine=analysis.engine,
        device=analysis.device,
        exports=storage.exports,
        make_export=make_export,
    )
