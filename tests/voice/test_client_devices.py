"""Choosing among a machine's microphones and loudspeakers, with a stand-in for PortAudio's list."""

import sys
from types import SimpleNamespace

import pytest
from hubbub.voice.cli import main
from hubbub.voice.client import DeviceError, choose_device, list_devices

ENTRIES = [
    {"name": "Built-in Microphone", "max_input_channels": 2, "max_output_channels": 0, "default_samplerate": 48000.0},
    {"name": "Built-in Speakers", "max_input_channels": 0, "max_output_channels": 2, "default_samplerate": 48000.0},
    {"name": "USB Headset", "max_input_channels": 1, "max_output_channels": 2, "default_samplerate": 44100.0},
    {"name": "USB Headset Pro", "max_input_channels": 1, "max_output_channels": 2, "default_samplerate": 44100.0},
]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> None:
    portaudio = SimpleNamespace(query_devices=lambda: ENTRIES, default=SimpleNamespace(device=(0, 1)))
    monkeypatch.setitem(sys.modules, "sounddevice", portaudio)


def test_what_there_is() -> None:
    assert [(one.index, one.kind, one.default) for one in list_devices()] == [
        (0, "input", True), (2, "input", False), (3, "input", False), (1, "output", True), (2, "output", False), (3, "output", False),
    ]  # fmt: skip
    assert [one.name for one in list_devices("input")] == ["Built-in Microphone", "USB Headset", "USB Headset Pro"]
    assert list_devices("input")[1].rate_hz == 44100


@pytest.mark.parametrize(
    ("wanted", "index"), [(None, None), (2, 2), ("3", 3), ("built-in", 0), ("USB Headset", 2), ("usb headset", 2), ("pro", 3)]
)
def test_a_device_is_chosen_by_number_or_name(wanted: int | str | None, index: int | None) -> None:
    chosen = choose_device("input", wanted)
    assert (chosen.index if chosen else None) == index


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("webcam", "no microphone is called 'webcam'"), ("usb", "several microphones are called 'usb'"), (1, "no microphone"),
        ("99", "no mic"),
    ],
)
def test_a_choice_that_is_none_names_what_there_is(wanted: int | str, words: str) -> None:
    with pytest.raises(DeviceError, match=words) as error:
        choose_device("input", wanted)
    assert "0 Built-in Microphone; 2 USB Headset; 3 USB Headset Pro" in str(error.value)


def test_the_command_lists_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["talk", "--devices"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == ["* mic       0  Built-in Microphone", "  mic       2  USB Headset"]


def test_without_portaudio_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(DeviceError, match=r"hubbub\[mic\]"):
        list_devices()
    assert main(["talk", "--devices"]) == 7
    assert "hubbub[mic]" in capsys.readouterr().err
