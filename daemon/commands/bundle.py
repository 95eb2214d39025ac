"""``ulna bundle``: list, show, verify and create bundles."""

import argparse
from pathlib import Path

from rich.table import Table

from daemon.commands import bundle_assemble, bundle_import, bundle_reference
from daemon.commands.console import console, print_json
from models.bundle.manifest import MANIFEST_NAME, read_identity, read_manifest
from models.bundle.shipped import SHIPPED, bundle_folder
from models.errors import BundleRefused


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="list the bundles in a folder")
    listing.add_argument(
        "folder",
        type=Path,
        nargs="?",
        default=SHIPPED,
        metavar="FOLDER",
        help="folder whose subfolders are bundles (default: those that come with ulna)",
    )
    listing.set_defaults(act=_list)
    for name, act, summary in (
        ("show", _show, "show what a bundle is made of and what it is for"),
        ("verify", _verify, "check manifest, hashes and shapes"),
    ):
        action = actions.add_parser(name, help=summary)
        action.add_argument(
            "bundle",
            type=bundle_folder,
            metavar="BUNDLE",
            help="a shipped bundle's name, or a folder with a manifest.toml",
        )
        action.set_defaults(act=act)
    _configure_create(actions.add_parser("create", help="create a bundle"))
    importing = actions.add_parser("import-keras", help="make a bundle of trained Keras models")
    bundle_import.configure(importing)
    importing.set_defaults(act=_import_keras)
    referring = actions.add_parser(
        "add-reference", help="let a bundle warn of inputs unlike its training data"
    )
    bundle_reference.configure(referring)
    referring.set_defaults(act=_add_reference)
    assembling = actions.add_parser("assemble", help="put members of other bundles together")
    bundle_assemble.configure(assembling)
    assembling.set_defaults(act=_assemble)
    for action in actions.choices.values():
        action.add_argument("--json", action="store_true", help="print one JSON document instead")


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    status: int = options.act(options)
    return status


def _configure_create(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="new folder")
    parser.add_argument(
        "--untrained",
        action="store_true",
        required=True,
        help="random weights: the whole way runs, every output is marked UNTRAINED",
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="same seed, same bytes (default: 0)")
    parser.add_argument(
        "--ensemble",
        default="ensemble200",
        metavar="NAME",
        help="one of the paper's: ensemble200 (default), A to F, ALL; or one architecture, e.g. mobilenet",
    )
    parser.set_defaults(act=_create)


def _list(options: argparse.Namespace) -> int:
    status, rows = 0, []
    for manifest in sorted(options.folder.glob(f"*/{MANIFEST_NAME}")):
        try:
            identity = read_identity(manifest.parent)
            rows.append({"bundle": str(manifest.parent), "label": identity.label, "digest": identity.digest})
        except BundleRefused as refusal:
            rows.append({"bundle": str(manifest.parent), "label": f"refused: {refusal}", "digest": ""})
            status = 1
    if options.json:
        print_json(rows)
        return status
    table = Table("bundle", "name and version", "digest")
    for row in rows:
        table.add_row(row["bundle"], row["label"], row["digest"][:12])
    console().print(table if rows else f"no bundle in {options.folder}")
    return status


def _show(options: argparse.Namespace) -> int:
    manifest = read_manifest(options.bundle)
    identity = read_identity(options.bundle)
    document = {"digest": identity.digest, **manifest.model_dump(mode="json")}
    if options.json:
        print_json(document)
        return 0
    table = Table("key", "value", title=identity.label, title_justify="left")
    for key, value in document.items():
        lines = value if isinstance(value, list) else [value]
        table.add_row(key, "\n".join(map(str, lines)))
    console().print(table)
    return 0


def _verify(options: argparse.Namespace) -> int:
    from models.bundle.loading import verify_bundle

    identity = verify_bundle(options.bundle)
    if options.json:
        print_json({"bundle": str(options.bundle), "label": identity.label, "digest": identity.digest})
    else:
        console().print(f"{identity.label}: whole. digest {identity.digest}")
    return 0


def _create(options: argparse.Namespace) -> int:
    from models.bundle.loading import create_untrained

    with console().status(f"creating {options.bundle}"):
        create_untrained(
            options.bundle,
            ensemble=options.ensemble,
            seed=options.seed,
            name=f"{options.ensemble}-untrained",
            version="0.1.0",
        )
    return _verify(options)


def _import_keras(options: argparse.Namespace) -> int:
    with console().status(f"importing into {options.bundle}"):
        bundle_import.import_keras(options)
    return _verify(options)


def _add_reference(options: argparse.Namespace) -> int:
    bundle_reference.add_reference(options)
    return _verify(argparse.Namespace(bundle=options.new, json=options.json))


def _assemble(options: argparse.Namespace) -> int:
    bundle_assemble.assemble(options)
    return _verify(options)
