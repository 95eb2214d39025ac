"""Runs members with OpenVINO on a CPU, and compiles them for it.

OpenVINO comes with a package that reports its use to its maker, beginning with ``import openvino``. Here that
package cannot be imported, and without it OpenVINO reports nothing.
"""

import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.engines.engine import MemberPass

if TYPE_CHECKING:  # it loads torch, which only the compiler needs
    from models.bundle.loading import Bundle

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

import openvino as ov  # noqa: E402

_OUTPUTS = ("logit", "activation", "embedding")


class OpenVinoEngine:
    """The members of a bundle as OpenVINO runs them: an `models.engines.engine.Engine`.

    Views go through the members one by one: on a CPU several at once were no faster (1.02 times as long for
    each in fours), and take 30 to 300 MB more for each.

    Parameters
    ----------
    network
        What `compiled_network` gave.
    members
        The names of the bundle's members.
    threads
        How many CPU threads it may use; None leaves OpenVINO's own choice.

    Raises
    ------
    RuntimeError
        OpenVINO cannot use the network here, or it is of other members.
    """

    label = "openvino float32"

    def __init__(self, network: bytes, members: Sequence[str], *, threads: int | None = None) -> None:
        compiled = ov.Core().import_model(io.BytesIO(network), "CPU", _properties(threads))
        self._outputs = {
            name: {part: compiled.output(f"{name}.{part}") for part in _OUTPUTS} for name in members
        }
        self._request = compiled.create_infer_request()

    @property
    def embedding_lengths(self) -> Mapping[str, int]:
        """How many numbers the embedding of each member has."""
        return {name: int(parts["embedding"].shape[1]) for name, parts in self._outputs.items()}

    def run(self, batch: NDArray[np.float32]) -> Mapping[str, MemberPass]:
        """Take a batch (B, H, W) through all members, see `models.engines.engine.Engine.run`."""
        views = [self._view(view[np.newaxis]) for view in batch]
        return {
            name: MemberPass(
                logit=_joined(views, parts["logit"]).astype(np.float64),
                activation=_joined(views, parts["activation"]),
                embedding=_joined(views, parts["embedding"]),
            )
            for name, parts in self._outputs.items()
        }

    def _view(self, view: NDArray[np.float32]) -> Mapping[ov.ConstOutput, NDArray[np.float32]]:
        """Return all outputs for one view (1, H, W)."""
        if not np.isfinite(view).all():
            # OpenVINO's maximum of 0 and NaN is 0, so that it would give an answer as if it had seen a view.
            return {
                output: np.full(tuple(output.shape), np.nan, dtype=np.float32)
                for output in self._all_outputs()
            }
        found = self._request.infer([view])
        return {output: found[output] for output in self._all_outputs()}

    def _all_outputs(self) -> Iterator[ov.ConstOutput]:
        for parts in self._outputs.values():
            yield from parts.values()


def compiled_network(bundle: "Bundle") -> bytes:
    """Compile the members of a bundle for this machine's CPU; it takes about ten seconds, and torch."""
    from openvino.frontend.pytorch.ts_decoder import TorchScriptPythonDecoder  # noqa: PLC0415

    from models.engines.tracing import traced_members  # noqa: PLC0415

    graph, views = traced_members(bundle)
    frontend = ov.frontend.FrontEndManager().load_by_framework("pytorch")
    decoder = TorchScriptPythonDecoder(graph, example_input=(views,))
    model = frontend.convert(frontend.load(decoder))
    model.reshape(list(views.shape))
    names = [f"{member}.{part}" for member in bundle.members for part in _OUTPUTS]
    for output, name in zip(model.outputs, names, strict=True):
        output.get_tensor().set_names({name})
    network: bytes = ov.Core().compile_model(model, "CPU", _properties(None)).export_model().getvalue()
    return network


def library_version() -> str:
    """Return the version of OpenVINO, to the build."""
    return str(ov.get_version())


def _properties(threads: int | None) -> dict[str, Any]:
    """Return what OpenVINO is asked for: the answer to one view soonest, computed in float32."""
    properties: dict[str, Any] = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return properties if threads is None else properties | {"INFERENCE_NUM_THREADS": threads}


def _joined(
    views: Sequence[Mapping[ov.ConstOutput, NDArray[np.float32]]], output: ov.ConstOutput
) -> NDArray[np.float32]:
    return np.concatenate([view[output] for view in views])
