"""This program makes an export of a bundle: ``python -m models.engines.exporting BUNDLE FOLDER``.

It is the only place where both engines run, and a process of its own, since torch never gives back the memory
that it took. Exit status 1 comes with the reason, a clause, on standard output.
"""

import sys
from pathlib import Path

from models.bundle.loading import load_bundle
from models.engines.agreement import answers_of, probes, require_agreement
from models.engines.exports import keep_export, usable_engine
from models.engines.openvino_engine import compiled_network
from models.engines.torch_engine import TorchEngine
from models.errors import ModelError


def export_bundle(bundle_folder: Path, folder: Path) -> None:
    """Compile a bundle, compare the result with torch on all `probes`, and keep it in `folder`.

    Raises
    ------
    BundleRefused
        The bundle is not what it says.
    EngineUnusable
        The result does not agree with torch.
    OSError
        It cannot be written.
    """
    bundle = load_bundle(bundle_folder)
    network = compiled_network(bundle)
    views = probes(bundle.manifest.preprocessing)
    found = usable_engine(network, bundle.identity).run(views)
    expected = TorchEngine(bundle, device="cpu").run(views)
    for view in range(len(views)):
        require_agreement(answers_of(found, view), answers_of(expected, view))
    keep_export(folder, bundle.identity, network, answers_of(expected, 0))


def main(arguments: list[str]) -> int:
    """Make the export that the arguments name; return the exit status."""
    bundle_folder, folder = map(Path, arguments)
    try:
        export_bundle(bundle_folder, folder)
    except ModelError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    except OSError as error:
        sys.stdout.write(f"the export cannot be written to {folder}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
