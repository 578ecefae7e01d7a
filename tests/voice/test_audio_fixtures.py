"""The sounds of `audio_fixtures/` are those that their manifest states."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from hubbub.voice.audio.level import peak_dbfs, rms_dbfs

FOLDER = Path(__file__).resolve().parents[2] / "audio_fixtures"
MANIFEST = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))
CLIPS = MANIFEST["clips"]


def test_manifest_and_folder_agree() -> None:
    files = {str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.wav")}
    assert files == set(CLIPS)
    for name, clip in CLIPS.items():
        assert hashlib.sha256((FOLDER / f"{name}.wav").read_bytes()).hexdigest() == clip["sha256"], name
    assert sum(path.stat().st_size for path in FOLDER.rglob("*.wav")) < 3_000_000


def test_clips_sound_as_stated(fixture_audio: Callable[[str], bytes]) -> None:
    for name, clip in CLIPS.items():
        pcm = fixture_audio(name)
        assert round(len(pcm) / 32_000, 3) == clip["seconds"], name
        if "speech_ms" in clip:
            start_ms, end_ms = clip["speech_ms"]
            assert abs(peak_dbfs(pcm) + 6.0) < 0.1, name
            assert 0 <= start_ms <= 80, name  # a soft "t" comes long before its vowel
            assert end_ms - start_ms >= 100, name
            assert [word["word"] for word in clip.get("words", [])] in ([], clip["text"].split()), name
    assert abs(rms_dbfs(fixture_audio("noise/babble")) + 26.0) < 0.1
    assert abs(rms_dbfs(fixture_audio("noise/white")) + 30.0) < 0.2
    assert not any(fixture_audio("noise/silence"))
