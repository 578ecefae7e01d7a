"""The same Silero network, laid out for many callers at once.

The file's convolutions are computed row by row: onnxruntime reads every weight anew for each caller of a batch, so that a batch costs
nearly as much a caller as one alone. Written as products of matrices the weights are read once a call. What a convolution slides over is
short and known (4 frames of spectrum, then 2, then 1), so each becomes a few slices laid side by side and one product. The weights are
the file's own; the answers differ in the seventh digit, and a row's answer depends on no other row.

Figures: `python benchmarks/vad.py`, and benchmarks/RESULTS.md.
"""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Weights = npt.NDArray[np.float32]

_FRAME, _HOP, _FRAMES = 256, 128, 4  # of the spectrum, in samples: four frames in a window with its context and its mirrored end
_BINS, _WIDE, _NARROW = 129, 128, 64
_SOUND = 576
_SHAPES = {
    "stft.forward_basis_buffer": (2 * _BINS, 1, _FRAME),
    "encoder.0.reparam_conv.weight": (_WIDE, _BINS, 3), "encoder.0.reparam_conv.bias": (_WIDE,),
    "encoder.1.reparam_conv.weight": (_NARROW, _WIDE, 3), "encoder.1.reparam_conv.bias": (_NARROW,),
    "encoder.2.reparam_conv.weight": (_NARROW, _NARROW, 3), "encoder.2.reparam_conv.bias": (_NARROW,),
    "encoder.3.reparam_conv.weight": (_WIDE, _NARROW, 3), "encoder.3.reparam_conv.bias": (_WIDE,),
    "decoder.rnn.weight_ih": (4 * _WIDE, _WIDE), "decoder.rnn.bias_ih": (4 * _WIDE,),
    "decoder.rnn.weight_hh": (4 * _WIDE, _WIDE), "decoder.rnn.bias_hh": (4 * _WIDE,),
    "decoder.decoder.2.weight": (1, _WIDE, 1), "decoder.decoder.2.bias": (1,),
}  # fmt: skip
_PREFIX = "model."  # of the weights for 16 kHz
_OPSET, _IR = 13, 8  # the oldest that know the operators as they are used here


def batched_graph(path: Path) -> bytes | None:
    """The network of an ONNX file in that layout, as an ONNX model; None where the `onnx` distribution is missing, or the file keeps its
    weights under other names or in other shapes."""
    try:
        import onnx
        from onnx import numpy_helper
    except ImportError:
        return None
    found = {each.name.removeprefix(_PREFIX): each for each in onnx.load(path).graph.initializer if each.name.startswith(_PREFIX)}
    if any(name not in found or tuple(found[name].dims) != shape for name, shape in _SHAPES.items()):
        return None
    return _Graph({name: numpy_helper.to_array(found[name]) for name in _SHAPES}).build()


class _Graph:
    """Writes the model down, node by node. Names of values are their numbers."""

    def __init__(self, weights: dict[str, Weights]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self) -> bytes:
        from onnx import TensorProto, helper

        hidden, cell = self._remember(self._encode(self._spectrum("input")))
        last = self._node("Gemm", self._node("Relu", hidden), *self._layer("decoder.decoder.2", lambda weight: weight.reshape(1, _WIDE).T))
        self._node("Sigmoid", last, to="output")
        axis = self._integers(0)
        self._node("Concat", self._node("Unsqueeze", hidden, axis), self._node("Unsqueeze", cell, axis), to="stateN", axis=0)

        def floats(name: str, *shape: int | str) -> Any:
            return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

        graph = helper.make_graph(
            self._nodes, "silero", [floats("input", "n", _SOUND), floats("state", 2, "n", _WIDE)],
            [floats("output", "n", 1), floats("stateN", 2, "n", _WIDE)], self._constants,
        )  # fmt: skip
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR)
        return bytes(model.SerializeToString())

    # ── the network, from sound to state ──────────────────────────────────────────────────────────────────────────────

    def _spectrum(self, sound: str) -> str:
        """Magnitudes, (n, 4 · 129). The end of the sound is mirrored, the last sample itself left out."""
        mirrored = self._node("Slice", sound, *map(self._integers, (_SOUND - 2, _SOUND - 2 - 64, 1, -1)))
        whole = self._node("Concat", sound, mirrored, axis=1)
        frames = self._side_by_side(whole, [at * _HOP for at in range(_FRAMES)], _FRAME)
        both = self._node("MatMul", frames, self._constant(self._weights["stft.forward_basis_buffer"][:, 0].T))
        real, imaginary = self._split(both, [_BINS, _BINS], axis=1)
        power = self._node("Add", self._node("Mul", real, real), self._node("Mul", imaginary, imaginary))
        return self._rows(self._node("Sqrt", power), _FRAMES * _BINS)

    def _encode(self, spectrum: str) -> str:
        """Four convolutions over 3 frames, the second and third of every other frame: from 4 frames to 4, 2, 1 and 1, (n, 128). What lies
        before the first frame and behind the last is zero; where one frame is left, the weights for its neighbours have nothing to do."""
        padded = self._node("Pad", spectrum, self._integers(0, _BINS, 0, _BINS))
        frames = self._side_by_side(padded, [at * _BINS for at in range(_FRAMES)], 3 * _BINS)
        wide = self._rows(self._convolve(frames, 0, slice(0, 3)), _FRAMES * _WIDE)
        padded = self._node("Pad", wide, self._integers(0, _WIDE, 0, 0))
        frames = self._side_by_side(padded, [0, 2 * _WIDE], 3 * _WIDE)
        two = self._rows(self._convolve(frames, 1, slice(0, 3)), 2 * _NARROW)
        return self._convolve(self._convolve(two, 2, slice(1, 3)), 3, slice(1, 2))

    def _convolve(self, frames: str, layer: int, used: slice) -> str:
        def as_matrix(weight: Weights) -> Weights:  # (out, in, 3) -> (used · in, out)
            return weight.transpose(2, 1, 0)[used].reshape(-1, weight.shape[0])

        return self._node("Relu", self._node("Gemm", frames, *self._layer(f"encoder.{layer}.reparam_conv", as_matrix)))

    def _remember(self, encoded: str) -> tuple[str, str]:
        """The LSTM's one step; both of shape (n, 128)."""
        before, cell = (self._node("Squeeze", part, self._integers(0)) for part in self._split("state", [1, 1], axis=0))
        weight = np.concatenate([self._weights["decoder.rnn.weight_ih"], self._weights["decoder.rnn.weight_hh"]], axis=1).T
        bias = self._weights["decoder.rnn.bias_ih"] + self._weights["decoder.rnn.bias_hh"]
        joined = self._node("Concat", encoded, before, axis=1)
        gates = self._split(self._node("Gemm", joined, self._constant(weight), self._constant(bias)), [_WIDE] * 4, axis=1)
        take, keep, show = (self._node("Sigmoid", gates[gate]) for gate in (0, 1, 3))
        news = self._node("Mul", take, self._node("Tanh", gates[2]))
        cell = self._node("Add", self._node("Mul", keep, cell), news)
        return self._node("Mul", show, self._node("Tanh", cell)), cell

    # ── writing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _layer(self, name: str, as_matrix: Any) -> tuple[str, str]:
        return self._constant(as_matrix(self._weights[f"{name}.weight"])), self._constant(self._weights[f"{name}.bias"])

    def _side_by_side(self, values: str, starts: list[int], length: int) -> str:
        """Stretches of each row, each a row of its own."""
        axis = self._integers(1)
        parts = [self._node("Slice", values, self._integers(at), self._integers(at + length), axis) for at in starts]
        return self._rows(self._node("Concat", *parts, axis=1), length)

    def _rows(self, values: str, length: int) -> str:
        return self._node("Reshape", values, self._integers(-1, length))

    def _split(self, values: str, sizes: list[int], axis: int) -> list[str]:
        from onnx import helper

        names = [f"{len(self._nodes)}.{part}" for part in range(len(sizes))]
        self._nodes.append(helper.make_node("Split", [values, self._integers(*sizes)], names, axis=axis))
        return names

    def _node(self, kind: str, *values: str, to: str = "", axis: int | None = None) -> str:
        from onnx import helper

        name = to or str(len(self._nodes))
        options: dict[str, Any] = {} if axis is None else {"axis": axis}
        self._nodes.append(helper.make_node(kind, list(values), [name], **options))
        return name

    def _integers(self, *values: int) -> str:
        return self._constant(np.array(values, np.int64))

    def _constant(self, values: npt.NDArray[Any]) -> str:
        from onnx import numpy_helper

        name = f"constant {len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name
