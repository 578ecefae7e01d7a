"""What a glance may do: hold a reply until a window tells, and nothing else."""

import pytest
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.machine import Mouth, deadline
from hubbub.voice.turn.policy import in_samples
from test_turn_machine import WINDOW, Bench, of


@pytest.mark.parametrize(
    ("probability", "quiet", "phone", "ignored", "holds"),
    [
        (0.3, True, False, "", True), (0.29, True, False, "", False), (0.2, True, True, "", True), (0.19, True, True, "", False),
        (0.6, False, False, "", True), (0.59, False, False, "", False), (0.59, False, True, "", False),
        (0.95, True, False, "echo", False), (0.95, True, True, "faint", False),
    ],
)  # fmt: skip
def test_a_glance_holds_a_reply_where_it_is_sure_enough(probability, quiet, phone, ignored, holds):
    bench = Bench()
    bench.silence(500)
    reply = bench.reply()
    assert bench.glance(probability, quiet=quiet, phone=phone, ignored=ignored) == ([s.Hold(reply)] if holds else [])


def test_a_glance_that_a_window_bears_out_is_an_onset_as_any_other():
    bench = Bench()
    bench.silence(500)
    reply = bench.reply()
    bench.glance()
    assert bench.speech(400) == [s.OpenUtterance(1, bench.window_end - 13 * WINDOW - in_samples(320), bench.window_end - 13 * WINDOW)]
    bench.partial("wait")
    assert of(s.Interrupt, bench.log) == [s.Interrupt(reply, "words")]


def test_a_glance_that_nothing_bears_out_is_taken_back_on_its_sample():
    bench = Bench()
    bench.silence(500)
    reply = bench.reply()
    bench.glance()
    glanced = bench.state.now
    assert not bench.silence(64)
    assert deadline(bench.policy, bench.state) == glanced + in_samples(96)
    assert bench.silence(64) == [s.Resume(reply)]
    assert bench.state.mouth is Mouth.PLAYING


def test_a_glance_holds_nothing_that_may_not_be_held():
    bench = Bench()
    bench.silence(500)
    assert not bench.glance(), "there is no reply"
    bench.reply(interruptible=False)
    bench.silence(32)
    assert not bench.glance(), "it may not be interrupted"


def test_words_that_wait_for_a_turn_are_not_lost_by_a_glance():
    bench = Bench()
    bench.reply(interruptible=False)
    bench.speech(600)
    bench.silence(300)
    bench.final("my name is alice")
    bench.feed(s.PlayoutEnded(bench.state.now, bench.replies))
    bench.reply(sounding=False)
    bench.glance()
    bench.silence(200)
    assert not of(s.KeepBackchannel, bench.log)
    assert bench.state.text == "my name is alice"


def test_a_glance_over_a_reply_that_was_let_go_on_holds_as_long_as_over_any_other():
    bench = Bench()
    bench.silence(500)
    reply = bench.reply()
    bench.speech(200)
    assert of(s.Resume, bench.silence(500)) == [s.Resume(reply)], "its words are still owed"
    assert bench.glance() == [s.Hold(reply)]
    glanced = bench.state.now
    assert not bench.silence(64)
    assert deadline(bench.policy, bench.state) == glanced + in_samples(96)
    assert bench.silence(64) == [s.Resume(reply)]
    assert bench.glance() == [s.Hold(reply)]
    bench.speech(400)
    bench.final("wait")
    bench.silence(300)
    assert of(s.Interrupt, bench.log) == [s.Interrupt(reply, "words")]
