#!/bin/sh
# Makes .venv-peers (ignored by git) with the two peers from PyPI, and prints what versions it holds.
#
#   sh benchmarks/peers/install.sh            # the newest versions
#   PIPECAT='pipecat-ai[websocket,silero]==1.14.0' LIVEKIT='livekit-agents==1.8.9' sh benchmarks/peers/install.sh
#
# Neither peer's extras pull PyTorch or CUDA (both bring Silero as an ONNX file); the check at the end keeps it so.
set -eu
cd "$(dirname "$0")/../.."
VENV=.venv-peers
PYTHON=${PYTHON:-python3}
[ -x "$VENV/bin/python" ] || "$PYTHON" -m venv "$VENV"
if [ ! -e "$VENV/.ready" ] || [ -n "${PIPECAT:-}${LIVEKIT:-}" ]; then
    echo "installing the peers in $VENV (once; some minutes)"
    "$VENV/bin/python" -m pip --disable-pip-version-check --quiet install \
        "${PIPECAT:-pipecat-ai[websocket,silero]}" "${LIVEKIT:-livekit-agents}" livekit-plugins-silero uvloop uvicorn websockets fastapi numpy
    touch "$VENV/.ready"
fi
"$VENV/bin/python" - <<'END'
from importlib.metadata import distributions, version

for name in ("pipecat-ai", "livekit-agents", "livekit-plugins-silero", "onnxruntime", "uvloop", "uvicorn", "websockets", "numpy"):
    print(f"{name} {version(name)}")
names = {(each.metadata["Name"] or "").lower() for each in distributions()}
heavy = sorted(name for name in names if name in ("torch", "torchaudio", "triton", "tensorflow") or name.startswith("nvidia-"))
if heavy:
    raise SystemExit(f"unexpected packages, which would weigh on the peers' figures: {', '.join(heavy)}")
END
