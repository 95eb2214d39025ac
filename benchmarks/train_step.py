"""Seconds per training step of each member: plain eager float32 against what `ulna train` does.

    .venv/bin/python benchmarks/train_step.py
    .venv/bin/python benchmarks/train_step.py --device cuda --rounds 20 --members densenet201

A step is forward, backward and AdamW on a batch of noise; nothing is read from disk. The ways alternate
within a round, so that whatever else the machine does meets all of them. The figures are medians, in seconds,
and how many times as fast as plain float32 each way is.
"""

import argparse
import statistics
import time
from copy import deepcopy
from dataclasses import dataclass

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from models.networks.member import Member, build_member, initialize
from models.training.precision import autocast


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How a step is computed."""

    name: str
    channels_last: bool
    precision: str


# Rounds that do not count: libraries choose their kernels in the first.
WARM_UP = 2

WAYS = (
    Way(name="float32", channels_last=False, precision="float32"),
    Way(name="float32, channels last", channels_last=True, precision="float32"),
    Way(name="bfloat16", channels_last=False, precision="bfloat16"),
    Way(name="bfloat16, channels last", channels_last=True, precision="bfloat16"),
    Way(name="ulna train", channels_last=True, precision="auto"),
)


def main() -> None:
    options = _options()
    print(f"batch of {options.batch} views of {options.side} px, {options.device}, torch {torch.__version__}")
    for architecture in options.members:
        member = build_member(architecture)
        initialize(member, 0)
        steps = {way: Step(architecture, deepcopy(member), way, options) for way in WAYS}
        taken: dict[str, list[float]] = {way.name: [] for way in WAYS}
        for round_ in range(options.rounds + WARM_UP):
            for way, step in steps.items():
                seconds = step.take()
                if round_ >= WARM_UP:
                    taken[way.name].append(seconds)
        plain = statistics.median(taken["float32"])
        for name, times in taken.items():
            median = statistics.median(times)
            print(f"{architecture:13} {name:24} {median:7.3f} s  {plain / median:5.2f}", flush=True)


class Step:
    """One way of training a member, ready to be timed."""

    def __init__(self, architecture: str, member: Member, way: Way, options: argparse.Namespace) -> None:
        self._architecture, self._way = architecture, way
        layout = torch.channels_last if way.channels_last else torch.contiguous_format
        self._member: Member = member.train().to(  # type: ignore[call-overload]
            options.device, memory_format=layout
        )
        self._optimizer = torch.optim.AdamW(self._member.parameters(), lr=1e-4)
        generator = torch.Generator().manual_seed(0)
        noise = torch.rand(options.batch, 3, options.side, options.side, generator=generator)
        self._x = noise.to(options.device).contiguous(memory_format=layout)
        self._labels = (torch.arange(options.batch, device=options.device) % 2).float()

    def take(self) -> float:
        """Take a step and return the seconds until the device has finished it."""
        started = time.perf_counter()
        with autocast(self._architecture, self._x.device.type, self._way.precision):
            logits = self._member(self._x).logit
        self._optimizer.zero_grad(set_to_none=True)
        loss: torch.Tensor = binary_cross_entropy_with_logits(logits.float(), self._labels)
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()
        if self._x.is_cuda:
            torch.cuda.synchronize()
        return time.perf_counter() - started


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--members", nargs="+", default=["mobilenet", "nasnetmobile", "densenet201"])
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args()


if __name__ == "__main__":
    main()
