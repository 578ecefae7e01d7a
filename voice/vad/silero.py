"""Silero VAD, version 6, through onnxruntime: the detector of choice.

One onnxruntime session with one thread serves the whole process; the recurrent state of each caller lives in his stream.
A call judges the windows of all callers at once, which costs a third of judging them one by one (`silero_graph.py` lays the network
out for that, where the `onnx` distribution is there to do it). What a window gets depends on its own stream alone: the other rows of
the batch, their number and their order change no bit of the answer, so that a recording of one caller replays to the same decisions
that were made in a full house.

The network's file comes from the `silero-vad` distribution, of which nothing else is used: importing it would import torch.
"""

import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ
from ..audio.pcm import FULL_SCALE
from ..network import open_network
from .background import BELOW_VOICE_DB, Background
from .base import VADEngine, VADError, VADStream, check_call
from .gain import FIRST_LEVEL, gain_for, next_level, peaks
from .silero_graph import batched_graph

log = logging.getLogger("hubbub.vad")

WINDOW_SAMPLES = 512
"""The network's only window at 16 kHz, 32 ms."""

_WINDOW_S = WINDOW_SAMPLES / EAR_HZ
_CONTEXT_SAMPLES = 64  # since v5 the network also wants the last samples of the window before
_NEWEST_SAMPLES = 320  # what a client's last message held, 20 ms, is what a glance is for
_STATE_SHAPE = (2, 1, 128)  # hidden and cell state of its one LSTM layer, for one caller
_SAME = 1e-4  # answers so near each other are the same: they differ by 4e-6 at most, by the order in which numbers are added
_MOST_BACKGROUND = WINDOW_SAMPLES * FULL_SCALE**2 * 10 ** (-BELOW_VOICE_DB / 10)
"""Energy of a window of background that may be passed over, for a caller whose voice peaks at full scale."""
_SILENT_PEAK = 8 / FULL_SCALE
"""-72 dBFS: what dither, a noise suppressor and the idle code of A-law leave of silence. A room's own hiss is louder."""
_FILES = ("silero_vad_op18_ifless.onnx", "silero_vad.onnx")  # the same network; the first is 0.1 ms quicker for one stream
_INSTALL = "install it with `pip install --no-deps silero-vad`, or set the path of its silero_vad.onnx"


@dataclass(slots=True)
class _State:
    lstm: npt.NDArray[np.float32]
    context: npt.NDArray[np.float32]
    level: float = FIRST_LEVEL
    background: Background = field(default_factory=Background)
    probability: float = 0.0


class SileroVAD(VADEngine):
    """Silero VAD v5 or v6 from an ONNX file, with a gain for quiet callers in front of it (`voice/vad/gain.py`).

    What lies behind a caller costs nothing and dulls nothing (`voice/vad/background.py`): half a second after the last voice a stream's
    state is kept as it is while nothing comes but a steady background, be it digital silence, a line's hiss or an engine, and its
    probability stays the last one, below 0.1.
    """

    name = "silero"
    window_samples = WINDOW_SAMPLES
    glance_samples = _CONTEXT_SAMPLES + WINDOW_SAMPLES

    def __init__(self, model_path: str | Path | None = None, *, lift_quiet: bool = True) -> None:
        """Loads the network from `model_path`, or from the installed `silero-vad` distribution.

        `lift_quiet=False` gives the network the sound as it came, to measure what the gain changes.

        Raises VADError when onnxruntime or the file is missing, or when the file is not a Silero network of version 5 or 6.
        """
        self.model_path = Path(model_path) if model_path is not None else find_model()
        self._lift_quiet = lift_quiet
        self._rate = np.array(EAR_HZ, np.int64)
        self._use(_load(self.model_path))
        self._check_interface()
        self.batched = self._lay_out_for_many()
        """Whether the network runs in the layout for many callers."""

    def open(self) -> VADStream:
        """A fresh state for one caller, about 1.5 kB."""
        return VADStream(_State(np.zeros(_STATE_SHAPE, np.float32), np.zeros(_CONTEXT_SAMPLES, np.float32)))

    def judge(self, streams: Sequence[VADStream], windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Probability of speech in the next window of each stream, as `VADEngine.judge` says. `windows`: (n, 512)."""
        check_call(streams, windows, WINDOW_SAMPLES)
        states: list[_State] = [stream.state for stream in streams]
        loudest: list[float] = peaks(windows).tolist()
        sounds = windows.astype(np.float32)
        energies: list[float] = np.einsum("ij,ij->i", sounds, sounds).tolist()
        rows = [
            row
            for row, state in enumerate(states)
            if not state.background.holds(
                energies[row], _MOST_BACKGROUND * state.level * state.level, loudest[row] <= _SILENT_PEAK, state.probability
            )
        ]
        if len(rows) == len(states):
            self._run(states, windows, loudest)
        elif rows:
            self._run([states[row] for row in rows], windows[rows], [loudest[row] for row in rows])
        return np.array([state.probability for state in states], np.float32)

    def glance(self, stream: VADStream, sound: npt.NDArray[np.int16]) -> float:
        """As `VADEngine.glance` says: the network hears the newest 32 ms with the state that the last window left. 0 where these are no
        louder than the background, and nothing is computed. `sound`: shape (576,), the network's context and window."""
        if sound.shape != (self.glance_samples,) or sound.dtype != np.int16:
            raise ValueError(f"a glance takes {self.glance_samples} samples of int16; {sound.shape} and {sound.dtype} came")
        state: _State = stream.state
        newest = sound[-_NEWEST_SAMPLES:].astype(np.float32)
        if not state.background.is_risen_above(float(newest @ newest) * WINDOW_SAMPLES / _NEWEST_SAMPLES):
            return 0.0
        heard = sound[None].astype(np.float32)
        heard *= np.float32(1.0 / FULL_SCALE)
        if self._lift_quiet:
            heard *= np.float32(gain_for(state.level, float(peaks(sound[None, _CONTEXT_SAMPLES:])[0])))
        return float(self._infer(heard, state.lstm)[0][0, 0])

    def _run(self, states: list[_State], windows: npt.NDArray[np.int16], loudest: list[float]) -> None:
        if not states:
            return
        sound = np.empty((len(states), _CONTEXT_SAMPLES + WINDOW_SAMPLES), np.float32)
        np.multiply(windows, np.float32(1.0 / FULL_SCALE), out=sound[:, _CONTEXT_SAMPLES:])
        for row, state in enumerate(states):
            sound[row, :_CONTEXT_SAMPLES] = state.context
        tails = sound[:, -_CONTEXT_SAMPLES:].copy()  # before the gain, which changes from window to window
        if self._lift_quiet:
            gains = [gain_for(state.level, peak) for state, peak in zip(states, loudest, strict=True)]
            sound *= np.array(gains, np.float32)[:, None]
        output, lstm = self._infer(sound, np.concatenate([state.lstm for state in states], axis=1))
        for row, (state, probability) in enumerate(zip(states, output[:, 0].tolist(), strict=True)):
            state.lstm = lstm[:, row : row + 1]
            state.context = tails[row]
            state.probability = probability
            state.level = next_level(state.level, loudest[row], probability, _WINDOW_S)

    def _infer(
        self, sound: npt.NDArray[np.float32], lstm: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        feeds: dict[str, Any] = {"input": sound, "state": lstm}
        if self._takes_rate:
            feeds["sr"] = self._rate
        output, state = self._session.run(["output", "stateN"], feeds)
        return output, state

    def _use(self, session: Any) -> None:
        self._session = session
        self._takes_rate = any(field.name == "sr" for field in session.get_inputs())

    def _lay_out_for_many(self) -> bool:
        """Changes to the layout for many callers, if the file can be laid out so and gives the same answers."""
        model = batched_graph(self.model_path)
        if model is None:
            return False
        given = self._session
        random = np.random.default_rng(6)
        sound = random.normal(0, 0.1, (3, _CONTEXT_SAMPLES + WINDOW_SAMPLES)).astype(np.float32)
        state = random.normal(0, 0.5, (2, 3, 128)).astype(np.float32)
        expected = self._infer(sound, state)
        self._use(_load(model))
        if all(np.allclose(now, before, atol=_SAME) for now, before in zip(self._infer(sound, state), expected, strict=True)):
            return True
        log.warning("%s: laid out for many callers it answers otherwise, so it runs as it is", self.model_path)
        self._use(given)
        return False

    def _check_interface(self) -> None:
        wanted = ({"input", "state", "sr"}, {"output", "stateN"})
        inputs = {field.name for field in self._session.get_inputs()}
        outputs = {field.name for field in self._session.get_outputs()}
        if inputs | {"sr"} != wanted[0] or not wanted[1] <= outputs:
            _refuse(self.model_path, f"it takes {sorted(inputs)} and gives {sorted(outputs)}")
        samples = _CONTEXT_SAMPLES + WINDOW_SAMPLES
        try:
            output, state = self._infer(np.zeros((2, samples), np.float32), np.zeros((2, 2, 128), np.float32))
        except Exception as error:  # onnxruntime has no common base class for what it raises
            _refuse(self.model_path, f"it cannot judge two windows of {samples} samples: {error}")
        if output.shape != (2, 1) or state.shape != (2, 2, 128):
            _refuse(self.model_path, f"two windows give shapes {output.shape} and {state.shape}")


def find_model() -> Path:
    """The ONNX file of the installed `silero-vad` distribution, found without importing it.

    Raises VADError when the distribution or its file is not there.
    """
    spec = importlib.util.find_spec("silero_vad")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    for folder in folders:
        for name in _FILES:
            path = Path(folder) / "data" / name
            if path.is_file():
                return path
    missing = f"{folders[0]} has no data/silero_vad.onnx" if folders else "the distribution silero-vad is not installed"
    raise VADError(f"no Silero network: {missing}; {_INSTALL}")


def _load(model: Path | bytes) -> Any:
    if isinstance(model, Path) and not model.is_file():
        raise VADError(f"no Silero network at {model}; {_INSTALL}")
    try:
        return open_network(model)
    except ImportError as error:
        raise VADError("silero needs onnxruntime; install it with `pip install 'hubbub[offline]'`") from error
    except Exception as error:  # onnxruntime has no common base class for what it raises
        name = model if isinstance(model, Path) else "the network laid out for many callers"
        raise VADError(f"{name} cannot be loaded as an ONNX network: {error}; {_INSTALL}") from error


def _refuse(path: Path, what: str) -> NoReturn:
    raise VADError(f"{path} is not a Silero VAD network of version 5 or 6: {what}; {_INSTALL}")
