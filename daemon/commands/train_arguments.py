"""The arguments of ``ulna train``."""

import argparse
from pathlib import Path

from daemon.commands.bundle_description import add_description

EPILOG = """\
A run's folder holds, for each member, a checkpoint that is written after every epoch, curves.png and
epochs.csv; at the end comes bundle/. Called again with the same arguments, training resumes where it was
interrupted and ends with the same weights; other data are refused.

examples:
  ulna train --data mura:MURA-v1.1 --recipe paper --init densenet201=keras:densenet201.h5 \\
      --init mobilenet=keras:mobilenet.h5 --init nasnetmobile=keras:nasnet.h5 \\
      --training-data "MURA v1.1, train" --license "MURA research use agreement" runs/paper
  ulna train --data csv:hands.csv --members mobilenet --device cuda --workers 8 \\
      --training-data "hands of 2025" --license "in-house" runs/hands

The csv has the columns image, label (0 or 1, 1 = abnormal), split (train, val), study and region, and may
have boxes, patient and stratum; see docs/models.md.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add them all."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    parser.add_argument(
        "folder", type=Path, metavar="RUN", help="folder of the run; resumes one that was begun"
    )
    _add_data(parser)
    course = parser.add_argument_group("training")
    _add_members(course)
    _add_course(course)
    add_description(parser, name="the members' name and the recipe", rule="the recipe's name")


def _add_data(parser: argparse.ArgumentParser) -> None:
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        required=True,
        metavar="KIND:PATH",
        help="mura:FOLDER in MURA v1.1 layout, or csv:FILE",
    )
    data.add_argument("--train-split", default="train", metavar="NAME", help="part to learn (default: train)")
    data.add_argument("--val-split", default="val", metavar="NAME", help="part to measure (default: val)")


def _add_members(course: "argparse._ArgumentGroup") -> None:
    """Add who is trained, from what, and by whom."""
    course.add_argument(
        "--recipe",
        choices=("ulna", "paper"),
        default="ulna",
        help="ulna (default): cuts around boxes, a target for every cell of the map, averaged weights; "
        "paper: Banga & Waiganjo's, to the letter, with --rule paper",
    )
    course.add_argument(
        "--members",
        default="ensemble200",
        metavar="NAMES",
        help="an ensemble of the paper (ensemble200, A to F, ALL), or architectures separated by commas",
    )
    course.add_argument(
        "--init",
        action="append",
        default=[],
        metavar="[MEMBER=]START",
        help="what members start from: keras:FILE (.h5 or .keras of keras.applications, which puts its "
        "weights into ~/.keras/models where a model is made with weights='imagenet'), bundle:BUNDLE "
        "(name or folder, to continue with its weights), torchvision (downloads), or none (default); give it "
        "once for each member, or once for all",
    )
    course.add_argument(
        "--fresh",
        action="append",
        default=[],
        metavar="LAYER",
        help="a layer, by its name in Keras, that a file of --init may lack; it starts from random weights",
    )
    course.add_argument(
        "--teacher",
        action="append",
        default=[],
        metavar="MEMBER[=bundle:BUNDLE]",
        help="member that is trained first and teaches those without weights; or a bundle's member that "
        "teaches all, as it is: given more than once, the mean of their maps teaches, and the features of "
        "the first",
    )


def _add_course(course: "argparse._ArgumentGroup") -> None:
    """Add how long, and on what."""
    course.add_argument(
        "--epochs", type=int, metavar="N", help="in place of the recipe's; fewer leave out its later rounds"
    )
    course.add_argument("--steps-per-epoch", type=int, metavar="N", help="in place of the recipe's")
    course.add_argument("--learning-rate", type=float, metavar="R", help="peak, in place of the recipe's")
    course.add_argument(
        "--seed", type=int, default=0, metavar="N", help="same seed, same result (default: 0)"
    )
    course.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    course.add_argument(
        "--precision",
        choices=("auto", "float32", "bfloat16"),
        default="auto",
        help="arithmetic of a step; auto: bfloat16 on GPUs, and on CPUs for members that gain",
    )
    course.add_argument(
        "--workers", type=int, default=1, metavar="N", help="processes that prepare images (default: 1)"
    )
    course.add_argument(
        "--validate-every", type=int, default=1, metavar="N", help="epochs between validations (default: 1)"
    )
