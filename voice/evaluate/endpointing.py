"""How soon a turn's end is known, and how often a pause is taken for one: end-of-turn models over labelled sound.

Each turn is heard once by the real VAD, the real edge of speech and the real turn machine, with a recogniser that is simulated: it
knows the words of the label once they have ended, and tells them `ASR_LAG_MS` late. What comes out are the silences of the turn:
when speech was last heard, when the machine closed the utterance (the moment when a session asks the model), when the final text
was in, and when speech went on. Then every model judges every silence as a session would have it judged, with the words and the
sound of the turn up to there, and a sweep over threshold, action delay and timeout works out what the machine would have done.

A *false cut-off* is a silence inside a turn in which the turn would have been committed before speech went on; the rate is the share
of all such silences, so that one turn may count several. The *delay* is from the end of speech to the commit, over all turns; it is
never less than what the recogniser's final takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ, SAMPLE_BYTES
from ..end_of_turn import make_model
from ..turn import machine
from ..turn import signals as s
from ..turn.complete import SOUND_MS
from ..turn.edge import LoudEdge
from ..turn.policy import TurnPolicy
from ..vad.base import VADEngine
from .labelled import LabelledTurn

ASR_LAG_MS = 60
"""How far the simulated recogniser is behind the speech."""

LISTEN_MS = 1000
"""Silence that is played after each turn: more than the VAD, the gap of an utterance and the recogniser need."""

MAX_TIMEOUT_MS = 3000
"""The longest timeout of the sweep (the best setting published for eot-bench has 3 s)."""

BUDGETS = (0.05, 0.10)
"""Rates of false cut-offs at which delays are compared."""

_THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
_DELAYS_MS = (*range(200, 1600, 20), *range(1600, MAX_TIMEOUT_MS + 1, 50))

Numbers = npt.NDArray[np.float64]


class EmptySetError(ValueError):
    """There is nothing to measure: no turns, or no pauses inside them."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that the machine heard. Times are milliseconds after `end`, the last voice."""

    turn: LabelledTurn
    end: int
    """Where speech was last heard, in samples."""
    judged_at: int
    """Where the utterance was closed and the model is asked, in samples."""
    text: str
    ready_ms: float
    """When the recogniser's final is in: no commit is earlier."""
    until_ms: float
    """When speech went on; infinite where the turn is over."""

    @property
    def is_end(self) -> bool:
        """Whether the turn is over here."""
        return self.until_ms == float("inf")

    @property
    def sound(self) -> bytes:
        """What the model is given: the turn's last 8 s, up to where it is asked."""
        pcm = self.turn.pcm + bytes(LISTEN_MS * EAR_HZ // 1000 * SAMPLE_BYTES)
        return pcm[max(0, self.judged_at - SOUND_MS * EAR_HZ // 1000) * SAMPLE_BYTES : self.judged_at * SAMPLE_BYTES]


@dataclass(frozen=True, slots=True)
class Point:
    """One setting of the knobs and what it does on a set."""

    threshold: float
    action_delay_ms: int
    timeout_ms: int
    false_cutoffs: float
    """Share of the silences inside turns, 0 to 1."""
    mean_ms: float
    median_ms: float


@dataclass(frozen=True, slots=True)
class ModelResult:
    """What a model does on a set of silences."""

    model: str
    subset: str
    pauses: int
    turns: int
    at_budget: dict[float, Point | None]
    """For each budget the setting of least mean delay; None where no setting keeps to it."""
    at_default: Point
    """What the defaults of `TurnPolicy` do."""
    curve: tuple[Point, ...]
    """The settings that no other beats in both false cut-offs and mean delay, in order of delay."""
    separation: float
    """Chance that the model puts a random end above a random pause (area under the curve); 0.5 is guessing."""


def listen(turns: Sequence[LabelledTurn], vad: VADEngine, *, lag_ms: int = ASR_LAG_MS) -> list[Silence]:
    """All silences of the turns, heard with the VAD and the turn machine. Raises EmptySetError."""
    silences = [silence for turn in turns for silence in _hear(turn, vad, lag_ms)]
    if not turns or all(silence.is_end for silence in silences):
        labelled = sum(len(turn.pauses) for turn in turns)
        unheard = f" ({labelled} are labelled, but no speech is heard around them)" if labelled else ""
        raise EmptySetError(f"{len(turns)} turns without a pause inside{unheard}: there is no false cut-off to be made")
    return silences


def evaluate(silences: Sequence[Silence], models: Sequence[str]) -> list[ModelResult]:
    """Judges all silences by the models; one result for each model and subset, and for `all`. Raises UnknownModelError."""
    subsets = ["all", *dict.fromkeys(silence.turn.subset for silence in silences)]
    results = []
    for name in models:
        model = make_model(name)
        probabilities = np.array([model.probability(silence.text, silence.sound) for silence in silences])
        for subset in subsets:
            chosen = [place for place, silence in enumerate(silences) if subset in ("all", silence.turn.subset)]
            results.append(_result(name, subset, [silences[place] for place in chosen], probabilities[chosen]))
    return results


def saved(results: Sequence[ModelResult], budget: float, *, model: str = "combined", subset: str = "all") -> float | None:
    """Share of the silence timer's mean delay that a model saves at a rate of false cut-offs; None where one of them has none."""
    points = {
        result.model: result.at_budget[budget] for result in results if result.subset == subset and result.model in (model, "silence")
    }
    ours, timer = points.get(model), points.get("silence")
    return None if ours is None or timer is None else 1 - ours.mean_ms / timer.mean_ms


def outcome(silences: Sequence[Silence], probabilities: Numbers, knobs: tuple[float, int, int]) -> Point:
    """What the machine does on the silences with (threshold, action_delay_ms, timeout_ms)."""
    return _Sweep(silences, probabilities).point(*knobs)


# ── hearing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _hear(turn: LabelledTurn, vad: VADEngine, lag_ms: int) -> list[Silence]:
    policy = TurnPolicy(action_delay_ms=60_000, timeout_ms=60_000, speculation="off")  # it only listens
    state, edge, stream = machine.State(), LoudEdge(), vad.open()
    sound = np.frombuffer(turn.pcm + bytes(LISTEN_MS * EAR_HZ // 1000 * SAMPLE_BYTES), np.int16)
    open_silences: list[tuple[int, int]] = []
    silences: list[Silence] = []
    for start in range(0, len(sound) - vad.window_samples + 1, vad.window_samples):
        window = sound[start : start + vad.window_samples]
        end = start + vad.window_samples
        probability = float(vad.judge([stream], window[None])[0])
        loud_until = None
        if state.ear is machine.Ear.SPEAKING and probability >= policy.offset_probability:
            loud_until = edge.judge(window.tobytes(), end)
        state, commands = machine.step(policy, state, s.Window(end, probability, vad.window_samples, loud_until))
        for command in commands:
            if isinstance(command, s.CloseUtterance):
                state, _ = machine.step(policy, state, s.Final(end, command.utterance, turn.text_at(end * 1000 / EAR_HZ)))
                open_silences.append((command.end, end))
            elif isinstance(command, s.OpenUtterance):
                edge.begin()
                silences += [_silence(turn, was, at, lag_ms, end) for was, at in open_silences]
                open_silences = []
    return silences + [_silence(turn, was, at, lag_ms, None) for was, at in open_silences]


def _silence(turn: LabelledTurn, end: int, judged_at: int, lag_ms: int, until: int | None) -> Silence:
    per_ms = EAR_HZ / 1000
    said_all = until is None or end / per_ms >= turn.end_ms - 40  # what stirs after the last word is no more of the turn
    text = turn.text_at(float("inf") if said_all else judged_at / per_ms)
    until_ms = float("inf") if said_all or until is None else (until - end) / per_ms
    return Silence(turn, end, judged_at, text, (judged_at - end) / per_ms + lag_ms, until_ms)


# ── sweeping ──────────────────────────────────────────────────────────────────────────────────────────────────────────


class _Sweep:
    """The silences as arrays, for many settings of the knobs."""

    def __init__(self, silences: Sequence[Silence], probabilities: Numbers) -> None:
        self.probabilities = probabilities
        self.ready = np.array([silence.ready_ms for silence in silences])
        self.until = np.array([silence.until_ms for silence in silences])
        self.ends = np.isinf(self.until)

    def point(self, threshold: float, action_delay_ms: int, timeout_ms: int) -> Point:
        needed = np.where(self.probabilities >= threshold, action_delay_ms, timeout_ms)
        at = np.maximum(needed, self.ready)
        cut = at < self.until
        inside = ~self.ends
        rate = float(cut[inside].mean()) if inside.any() else 0.0
        delays = at[self.ends]
        mean, median = (float(delays.mean()), float(np.median(delays))) if len(delays) else (0.0, 0.0)
        return Point(threshold, action_delay_ms, timeout_ms, rate, mean, median)


    def knobs(self) -> "_Knobs":
        """Every setting of the sweep with its false cut-offs and mean delay. Both are sums over silences that wait for the action
        delay and silences that wait for the timeout, so each sum is worked out once per delay, not once per pair."""
        delays = np.array(_DELAYS_MS, float)
        at = np.maximum(delays[:, None], self.ready)
        cut, waited = (at < self.until) & ~self.ends, np.where(self.ends, at, 0.0)
        pauses, ends = max(1, int((~self.ends).sum())), max(1, int(self.ends.sum()))
        first, second = np.nonzero(delays[:, None] <= delays)
        columns = []
        for threshold in _THRESHOLDS:
            complete = self.probabilities >= threshold
            rates = (cut[:, complete].sum(axis=1)[first] + cut[:, ~complete].sum(axis=1)[second]) / pauses
            means = (waited[:, complete].sum(axis=1)[first] + waited[:, ~complete].sum(axis=1)[second]) / ends
            columns.append((np.full(len(first), threshold), delays[first], delays[second], rates, means))
        return _Knobs(*(np.concatenate(parts) for parts in zip(*columns, strict=True)))


@dataclass(frozen=True, slots=True)
class _Knobs:
    """One row a setting."""

    thresholds: Numbers
    actions: Numbers
    timeouts: Numbers
    rates: Numbers
    means: Numbers

    def setting(self, row: int) -> tuple[float, int, int]:
        return float(self.thresholds[row]), int(self.actions[row]), int(self.timeouts[row])

    def best(self, budget: float) -> int | None:
        """The setting of least mean delay within the budget; of equals the one with the shortest timeout."""
        order = np.lexsort((self.timeouts, np.round(self.means, 6)))
        within = order[self.rates[order] <= budget + 1e-9]
        return int(within[0]) if len(within) else None

    def frontier(self) -> list[int]:
        """The settings that none beats in both, in order of delay."""
        order = np.lexsort((self.rates, self.means))
        lowest = np.minimum.accumulate(self.rates[order])
        return [int(row) for row in order[np.concatenate([[True], lowest[1:] < lowest[:-1]])]]

    def timer_only(self) -> "_Knobs":
        """The settings in which both delays are one: the silence timer."""
        same = (self.actions == self.timeouts) & (self.thresholds == self.thresholds[0])
        return _Knobs(self.thresholds[same], self.actions[same], self.timeouts[same], self.rates[same], self.means[same])


def _result(name: str, subset: str, silences: Sequence[Silence], probabilities: Numbers) -> ModelResult:
    sweep = _Sweep(silences, probabilities)
    knobs = sweep.knobs().timer_only() if name == "silence" else sweep.knobs()
    at_budget = {budget: None if (row := knobs.best(budget)) is None else sweep.point(*knobs.setting(row)) for budget in BUDGETS}
    curve = tuple(sweep.point(*knobs.setting(row)) for row in knobs.frontier())
    pauses, ends = probabilities[~sweep.ends], probabilities[sweep.ends]
    above = (ends[:, None] > pauses).mean() + 0.5 * (ends[:, None] == pauses).mean() if len(pauses) and len(ends) else 0.5
    default = TurnPolicy()
    at_default = sweep.point(default.threshold, default.action_delay_ms, default.timeout_ms)
    return ModelResult(name, subset, len(pauses), len(ends), at_budget, at_default, curve, float(above))
