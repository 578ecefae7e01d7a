"""Scenes over a reply: how they are scored, that bad input is told, and that a small set of them comes out right."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.asr.moonshine_model import find_model
from hubbub.voice.audio.wav import write_wav
from hubbub.voice.cli import main
from hubbub.voice.evaluate.picture import decisions, draw
from hubbub.voice.evaluate.report import as_json, kind_table, scene_table, summary_lines
from hubbub.voice.evaluate.scene import Scene, SceneError, load_scenes
from hubbub.voice.evaluate.score import Score, percentile, score, summarise
from hubbub.voice.evaluate.simulate import Stage, Trace, play
from hubbub.voice.evaluate.stage import make_stage
from hubbub.voice.event import Clear, Hold, Reply, Resume
from hubbub.voice.turn.policy import TurnPolicy

FIXTURES = Path(__file__).parents[2] / "audio_fixtures"
WORD = 7200
"""300 ms at 24 kHz."""


def hold(at_ms: int = 0) -> Hold:
    return Hold(at_ms=at_ms, reply=1)


def trace_of(heard: list[int], events: list, *, spans=None, text="one two three four five six seven eight nine ten") -> Trace:
    """A hand-made trace: joined at 0 s, onset at 2.0 s, end at 2.5 s, one entry of `heard` for every 20 ms."""
    words, at = [], 0
    for number, word in enumerate(text.split()):
        words.append((at, at + len(word), number * WORD))
        at += len(word) + 1
    spans = spans if spans is not None else [(1, 0, sum(reply == 1 for reply in heard) * 480)]
    return Trace(2.0, 2.5, events, [(2.1, 0.9, False)], heard, spans, b"", b"", words, 0.0, text)


def scene_of(kind: str) -> Scene:
    return Scene("a-scene", kind, b"", 0, 500)  # type: ignore[arg-type]


def interrupted(text: str) -> Reply:
    return Reply(at_ms=0, reply=1, agent="Ava", text=text, final=True, reason="interrupted")


def test_a_prompt_yield_is_right_and_its_times_are_told():
    heard = [1] * 104 + [0] * 200  # silent from 2.08 s
    trace = trace_of(heard, [(2.08, hold()), (2.6, Clear(at_ms=0, reply=1)), (2.6, interrupted("one two three four five six seven"))])
    one = score(scene_of("interruption"), trace)
    assert one.right and one.stopped
    assert one.hold_ms == pytest.approx(80) and one.decide_ms == pytest.approx(600)
    assert one.overlap_ms == pytest.approx(80)
    assert one.leaked_frames == 0 and one.heard_error_words == 0
    assert one.resume_ms is None and one.dead_air_ms == 0


def test_a_reply_that_talks_on_over_an_interruption_is_wrong():
    one = score(scene_of("interruption"), trace_of([1] * 300, []))
    assert not one.right and not one.stopped
    assert one.hold_ms is None
    assert one.overlap_ms == pytest.approx(500)


def test_the_reply_that_was_heard_is_judged_whatever_its_number():
    """A reply that was begun for half of the request and dropped unheard takes a number."""
    heard = [0] * 80 + [2] * 24 + [0] * 200
    events = [(0.5, interrupted("")), (2.08, Hold(at_ms=0, reply=2)), (2.6, Clear(at_ms=0, reply=2)),
              (2.6, interrupted("one two").model_copy(update={"reply": 2}))]  # fmt: skip
    one = score(scene_of("interruption"), trace_of(heard, events, spans=[(2, 0, 2 * WORD)]))
    assert one.right and one.overlap_ms == pytest.approx(80) and one.heard_error_words == 0


def test_a_late_yield_is_wrong():
    heard = [1] * 160 + [0] * 200  # silent from 3.2 s: 1.2 s after the onset
    one = score(scene_of("interruption"), trace_of(heard, [(3.2, Clear(at_ms=0, reply=1))]))
    assert one.stopped and not one.right


def test_a_resumed_reply_is_right_over_a_cough_and_its_dead_air_is_counted():
    heard = [1] * 105 + [0] * 40 + [1] * 200
    trace = trace_of(heard, [(2.1, hold()), (2.9, Resume(at_ms=0, reply=1))], spans=[(1, 0, 50400), (1, 50400, 146400)])
    one = score(scene_of("cough"), trace)
    assert one.right and one.resume_ms == pytest.approx(400)
    assert one.dead_air_ms == 800
    assert (one.lost_samples, one.repeated_samples) == (0, 0)


def test_what_is_skipped_and_what_is_heard_twice_is_counted():
    trace = trace_of([1] * 300, [], spans=[(1, 0, 1000), (1, 1200, 2000), (1, 1900, 3000)])
    one = score(scene_of("cough"), trace)
    assert (one.lost_samples, one.repeated_samples) == (200, 100)


def test_frames_after_the_cut_are_leaks():
    heard = [1] * 104 + [0] * 30 + [1] * 3 + [0] * 200
    one = score(scene_of("interruption"), trace_of(heard, [(2.08, Clear(at_ms=0, reply=1))]))
    assert one.leaked_frames == 3


def test_a_memory_that_credits_too_much_is_seen():
    heard = [1] * 104 + [0] * 200  # 2.08 s of 300 ms words: seven are heard
    events = [(2.08, Clear(at_ms=0, reply=1)), (2.1, interrupted("one two three four five six seven eight nine"))]
    assert score(scene_of("interruption"), trace_of(heard, events)).heard_error_words == 2


def made(kind: str, right: bool, **figures) -> Score:
    expected = "yield" if kind == "interruption" else "go on"
    values = dict(hold_ms=80.0, decide_ms=500.0, resume_ms=None, dead_air_ms=0.0, lost_samples=0, repeated_samples=0,
                  overlap_ms=80.0, leaked_frames=0, heard_error_words=None) | figures  # fmt: skip
    return Score(f"{kind}-{right}", kind, expected, right, right == (expected == "yield"), **values)


def test_the_summary_multiplies_yields_and_backchannels():
    summary = summarise([made("interruption", True)] * 3 + [made("interruption", False, hold_ms=None)] + [made("backchannel", True)] * 4
                        + [made("backchannel", False)])  # fmt: skip
    assert summary.yield_share == 0.75
    assert summary.false_stops == {"backchannel": 0.2}
    assert summary.backchannel_product == pytest.approx(0.6)
    assert summary.missed_onsets == 1
    with pytest.raises(ValueError, match="no scenes"):
        summarise([])


def test_percentiles():
    assert percentile([1.0], 0.95) == 1.0
    assert percentile(list(range(101)), 0.5) == 50
    assert percentile(list(range(101)), 0.95) == 95


def test_the_report_names_what_went_wrong_and_json_is_strict():
    scores = [made("interruption", True), made("backchannel", False)]
    table = scene_table(scores, only_wrong=True)
    assert "backchannel-False" in table and "✗" in table and "interruption-True" not in table
    assert "| backchannel | 1 | 0 (0 %) |" in kind_table(scores)
    assert "yield within 1 s: 100 %" in summary_lines(summarise(scores))
    told = json.loads(as_json(scores, summarise(scores)), parse_constant=pytest.fail)
    assert told["summary"]["resume_p95_ms"] is None
    assert [one["right"] for one in told["scenes"]] == [True, False]


# ── bad input ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_folder(path: Path, manifest: object, *, seconds: float = 1.0, level: int = 3000) -> Path:
    (path / "speech").mkdir(parents=True)
    wave = (np.sin(np.arange(int(16_000 * seconds)) / 10) * level).astype(np.int16).tobytes()
    write_wav(path / "speech" / "one.wav", wave, 16_000)
    (path / "manifest.json").write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return path


ENTRY = {"path": "speech/one.wav", "seconds": 1.0, "transcript": "one"}


@pytest.mark.parametrize(
    ("manifest", "sound", "told"),
    [
        ("{", {}, "cannot be read"),
        ([], {}, "lists no sound"),
        ({"clips": {}}, {}, "lists no sound"),
        ({"files": []}, {}, '"clips"'),
        ([{"seconds": 1.0}], {}, '"path" is missing'),
        ([ENTRY | {"seconds": None}], {}, '"seconds"'),
        ([ENTRY], {"seconds": 2.0}, "lasts 2.00 s, its label says 1.00 s"),
        ([ENTRY], {"level": 0}, "nothing but silence"),
        ([ENTRY | {"path": "speech/two.wav"}], {}, "two.wav"),
    ],
)
def test_a_folder_that_does_not_fit_its_labels_is_told(tmp_path, capsys, manifest, sound, told):
    folder = a_folder(tmp_path / "in", manifest, **sound)
    with pytest.raises(SceneError, match=told.replace(".", r"\.")):
        load_scenes(folder)
    assert main(["eval", "turns", "--audio", str(folder)]) == 2
    assert told in capsys.readouterr().err


def test_missing_folders_manifests_and_kinds_are_told(tmp_path, capsys):
    assert main(["eval", "turns", "--audio", str(tmp_path / "none")]) == 2
    assert "is no folder" in capsys.readouterr().err
    assert main(["eval", "turns", "--audio", str(tmp_path)]) == 2
    assert "manifest.json" in capsys.readouterr().err
    assert main(["eval", "turns", "--audio", str(a_folder(tmp_path / "in", [ENTRY])), "--kind", "cough"]) == 2
    assert "wanted kind" in capsys.readouterr().err
    assert main(["eval", "turns", "--set", "decide=3"]) == 2
    assert "NAME=VALUE" in capsys.readouterr().err


def test_a_good_folder_gives_scenes(tmp_path):
    (scene,) = load_scenes(a_folder(tmp_path / "in", [ENTRY]))
    assert (scene.name, scene.kind, scene.expected, scene.text) == ("human-one", "interruption", "yield", "one")


# ── scenes, in simulated time, with fixed limits ──────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {scene.name: scene for scene in load_scenes(FIXTURES)}


@pytest.fixture(scope="module")
def perfect() -> Stage:
    import asyncio

    pytest.importorskip("onnxruntime", reason="the limits are those of the Silero detector")
    return asyncio.run(make_stage("perfect", TurnPolicy(), [FIXTURES]))


def played(stage: Stage, chosen: list[Scene]) -> list[Score]:
    return [score(scene, play(scene, stage)) for scene in chosen]


def test_with_known_words_every_interruption_yields_and_every_backchannel_passes(scenes, perfect):
    chosen = [scene for scene in scenes.values() if scene.kind in ("interruption", "backchannel")][::3]
    scores = played(perfect, chosen)
    assert [one.scene for one in scores if not one.right] == []
    summary = summarise(scores)
    assert summary.missed_onsets == 0
    assert summary.hold_p50_ms <= 110
    assert summary.hold_p95_ms <= 190
    assert summary.leaked_frames == 0
    assert summary.lost_samples == 0
    assert summary.heard_error_p95_words <= 1


def test_the_command_prints_tables_and_draws(perfect, capsys, tmp_path):
    pictures = ["--pictures", str(tmp_path)] if importlib.util.find_spec("matplotlib") else []
    assert main(["eval", "turns", "--asr", "perfect", "--kind", "cough", "--name", "cough-1", "--all", *pictures]) == 0
    out = capsys.readouterr().out
    assert "| cough-1 | cough | go on | went on |" in out and "1 scenes" in out
    if pictures:
        assert 10_000 < (tmp_path / "turns-cough-1.png").stat().st_size < 120_000


def test_decisions_are_told_in_order_and_pictures_say_what_is_missing(scenes, perfect, monkeypatch, tmp_path):
    from hubbub.voice.evaluate.picture import PictureError

    trace = play(scenes["stop-gb"], perfect)
    assert [name for _, name, _ in decisions(trace)] == ["hold", "cut"]
    monkeypatch.setitem(__import__("sys").modules, "matplotlib.figure", None)
    with pytest.raises(PictureError, match=r"hubbub\[eval\]"):
        draw(scenes["stop-gb"], trace, score(scenes["stop-gb"], trace), TurnPolicy(), tmp_path / "p.png")


@pytest.fixture(scope="module", params=["moonshine", "pocketsphinx"])
def offline(request) -> Stage:
    import asyncio

    if request.param == "moonshine" and find_model() is None:
        pytest.skip("Moonshine's network is not installed")
    pytest.importorskip("pocketsphinx", reason="the offline recogniser is not installed")
    pytest.importorskip("onnxruntime", reason="the limits are those of the Silero detector")
    return asyncio.run(make_stage(request.param, TurnPolicy(), [FIXTURES]))


def test_offline_noises_and_our_own_echo_never_stop_a_reply(scenes, offline):
    chosen = [scene for scene in scenes.values() if scene.kind in ("cough", "burst", "echo")]
    scores = played(offline, chosen)
    assert {one.kind for one in scores} == {"cough", "burst", "echo"}
    assert [one.scene for one in scores if not one.right] == []
    assert sum(one.lost_samples + one.repeated_samples for one in scores) == 0
    assert max(one.dead_air_ms for one in scores if one.kind != "echo") <= 560


def test_offline_the_users_matrix_holds(scenes, offline):
    """One voice, all words of the issue: "yeah", "ok", "hmm" let it go on; "stop", "wait", "no", "yeah but wait" stop it. Of the fixtures
    each recogniser is told the voice of whose hum it is sure (docs/turn-taking.md says which one Moonshine is not)."""
    voice = "f5" if offline.asr.name == "moonshine" else "f2"
    words = ("yeah", "ok", "hmm", "stop", "wait", "no", "yeah_but_wait", "um_okay_stop")
    names = [f"{word}-{voice}" for word in words]
    scores = played(offline, [scenes[name] for name in names])
    assert [one.scene for one in scores if not one.right] == []
    assert sum(one.leaked_frames for one in scores) == 0


# ── who plays them, and in which voices ───────────────────────────────────────────────────────────────────────────────


def test_scenes_are_played_in_their_order_however_many_processes_share_them(scenes, perfect):
    from hubbub.voice.evaluate.crew import Recipe, perform, usual_jobs

    chosen = [scenes["cough-1"], scenes["stop-f2"], scenes["yeah-f2"]]
    recipe = Recipe("perfect", TurnPolicy(), (FIXTURES,))
    alone = list(perform(chosen, recipe))
    assert [one.scene for one in alone] == [scene.name for scene in chosen]
    assert list(perform(chosen, recipe, jobs=2)) == alone
    assert usual_jobs(1) == 1


def test_what_was_recognised_of_the_same_sound_is_not_decoded_again(scenes, offline, monkeypatch):
    if offline.asr.name != "pocketsphinx":
        pytest.skip("only pocketsphinx is slow enough to be remembered")
    once = score(scenes["stop-f2"], play(scenes["stop-f2"], offline))
    fed = []
    monkeypatch.setattr(offline.asr._recogniser, "feed", lambda pcm: fed.append(pcm))
    assert score(scenes["stop-f2"], play(scenes["stop-f2"], offline)) == once
    assert fed == []


def test_a_telephone_changes_what_is_heard_and_not_who_stops(scenes, perfect):
    from dataclasses import replace

    wide, phone = (score(scenes["wait-f2"], play(scenes["wait-f2"], replace(perfect, line=line))) for line in ("wide", "phone"))
    assert wide.right and phone.right
    assert phone.hold_ms is not None and phone.hold_ms <= wide.hold_ms + 70


def test_an_agent_that_does_not_speak_ends_the_scene_with_a_reason(scenes, perfect):
    from dataclasses import replace

    with pytest.raises(SceneError, match="does not speak"):
        play(scenes["stop-gb"], replace(perfect, text="", request=b""))


def test_blind_voices_say_what_they_should(monkeypatch):
    import asyncio

    from hubbub.voice.evaluate import blind
    from hubbub.voice.testing.tts import ScriptedTTS

    monkeypatch.setattr(blind, "VOICES", blind.VOICES[:2])
    made = asyncio.run(blind.blind_scenes(ScriptedTTS()))
    assert len({scene.name for scene in made}) == len(made) == 2 * sum(map(len, blind.SAID.values()))
    assert {scene.kind for scene in made} == {"backchannel", "interruption"}
    assert all(0 < scene.start_ms < scene.end_ms and scene.text for scene in made)
