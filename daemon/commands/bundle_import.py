"""``ulna bundle import-keras``: make a bundle of trained Keras models."""

import argparse
import re
from pathlib import Path

from daemon.commands.bundle_description import add_fold, add_target
from models.bundle.targets import ABNORMALITY, TARGETS
from models.fold import Fold

# Written out here because the modules that know them load torch; a test compares the two.
ARCHITECTURES = ("densenet201", "densenet169", "mobilenet", "nasnetmobile", "xception")

DESCRIPTION = """\
Make a bundle of trained Keras models, each a backbone of Keras Applications, global average pooling and
Dense(1) with a sigmoid, the backbone flat or as a model inside. Files: .keras, .h5 (whole or weights),
.weights.h5, .npz (arrays called layer|weight). Keras is not needed.
"""

EPILOG = """\
example, the best ensemble of the paper, whose models answer P(normal):
  ulna bundle import-keras my-bundle --positive normal \\
      --member densenet201:densenet.h5 --member mobilenet:mobile.h5 --member nasnetmobile:nasnet.h5 \\
      --name ensemble200-mura --release 1.0.0 --license "not to be redistributed" \\
      --training-data "MURA 1.1, train" --intended-use "Research; not for diagnostic use."

The thresholds are yours: until `ulna evaluate` has measured them, the bundle says so.
"""

_MEMBER = re.compile(r"(?:(?P<name>[^=:]+)=)?(?P<architecture>[^=:]+):(?P<file>.+)")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.description, parser.epilog = DESCRIPTION, EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="new folder")
    parser.add_argument(
        "--member",
        dest="members",
        action="append",
        required=True,
        type=_member,
        metavar="[NAME=]ARCHITECTURE:FILE",
        help=f"a model, once for each; ARCHITECTURE is one of {', '.join(ARCHITECTURES)}",
    )
    parser.add_argument(
        "--positive",
        choices=("normal", "abnormal"),
        required=True,
        help="what an output of 1 means in these models. In those of the paper it is normal; their heads are "
        "then negated. There is no default: a wrong answer turns every result around",
    )
    _configure_description(parser)
    _configure_input(parser)


def _configure_description(parser: argparse.ArgumentParser) -> None:
    texts = parser.add_argument_group("what the manifest says")
    add_target(texts, default=ABNORMALITY.text)
    add_fold(texts, default="mean, as in the paper")
    for option, metavar, summary in (
        ("--name", "NAME", "name of the bundle in every output"),
        ("--release", "VERSION", "version of the bundle, such as 1.0.0"),
        ("--license", "TEXT", "license of the weights"),
        ("--training-data", "TEXT", "what the models were trained on"),
        ("--intended-use", "TEXT", "what they are for, and what not"),
    ):
        texts.add_argument(option, metavar=metavar, required=True, help=summary)
    for option, summary in (
        ("--sensitive", "a study is flagged from this probability on (default: 0.5)"),
        ("--specific", "what is suspected is called likely from here on (default: 0.5)"),
    ):
        texts.add_argument(option, type=float, default=0.5, metavar="THRESHOLD", help=summary)


def _configure_input(parser: argparse.ArgumentParser) -> None:
    given = parser.add_argument_group(
        "what the models were given",
        "The defaults are the paper's: 224 x 224, stretched, pixels divided by 255. A layer such as\n"
        "Rescaling inside a model is not imported: state what comes out of it.",
    )
    given.add_argument("--input-size", type=int, default=224, metavar="PIXELS", help="side (default: 224)")
    given.add_argument(
        "--resize",
        choices=("square", "letterbox"),
        default="square",
        help="stretch (default), or keep and pad",
    )
    given.add_argument(
        "--lower", type=float, default=0.0, metavar="X", help="black becomes this (default: 0)"
    )
    given.add_argument(
        "--upper", type=float, default=1.0, metavar="X", help="white becomes this (default: 1)"
    )
    given.add_argument("--half", action="store_true", help="store float16: half the size")


def import_keras(options: argparse.Namespace) -> None:
    """Write the bundle that the options describe."""
    from models.keras import importing

    importing.import_keras(
        options.bundle,
        models=[
            importing.KerasModel(name=name, architecture=architecture, file=file)
            for name, architecture, file in options.members
        ],
        positive=options.positive,
        description=importing.Description(
            name=options.name,
            version=options.release,
            license=options.license,
            training_data=options.training_data,
            intended_use=options.intended_use,
            target=TARGETS[options.target or ABNORMALITY.text],
            fold=options.fold or Fold.MEAN,
            input_size=options.input_size,
            resize=options.resize,
            lower=options.lower,
            upper=options.upper,
            sensitive=options.sensitive,
            specific=options.specific,
        ),
        half=options.half,
    )


def _member(text: str) -> tuple[str, str, Path]:
    """Return name, architecture and file of a member; its name is the architecture if none is given."""
    found = _MEMBER.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form [NAME=]ARCHITECTURE:FILE")
    return found["name"] or found["architecture"], found["architecture"], Path(found["file"])
