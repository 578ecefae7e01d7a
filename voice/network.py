"""Neural networks in ONNX files, as everything here that hears, speaks or judges runs them: on the thread that asks, and on no other.

The networks are small, and many callers share the cores: more threads for one made each of them slower.
"""

from pathlib import Path
from typing import Any


def open_network(source: Path | bytes) -> Any:
    """An onnxruntime session of a file, or of a model in memory. Raises ImportError without onnxruntime, and of onnxruntime's errors, which
    have no common base, the one that says what is wrong with the model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; its warnings are nothing a user can act on
    model = source if isinstance(source, bytes) else str(source)
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
