"""The turn machine: what it promises, by example and by property."""

from dataclasses import dataclass, field

import pytest
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.machine import Ear, IllegalInput, Mouth, State, deadline, step
from hubbub.voice.turn.policy import TurnPolicy, in_samples
from hypothesis import given, settings
from hypothesis import strategies as st

WINDOW = 512


@dataclass
class Bench:
    """Feeds the machine as a session would: windows of sound, deadlines in between, and the room's answers."""

    policy: TurnPolicy = field(default_factory=lambda: TurnPolicy(timeout_ms=700, action_delay_ms=300))
    state: State = field(default_factory=State)
    log: list[s.Command] = field(default_factory=list)
    window_end: int = 0
    replies: int = 0

    def feed(self, event: s.Input) -> list[s.Command]:
        self.state, commands = step(self.policy, self.state, event)
        self.log += commands
        return commands

    def sound(self, ms: int, probability: float) -> list[s.Command]:
        """Whole windows that cover at least `ms`."""
        commands: list[s.Command] = []
        for _ in range(-(-in_samples(ms) // WINDOW)):
            end = self.window_end + WINDOW
            while (due := deadline(self.policy, self.state)) is not None and due < end:
                commands += self.feed(s.Elapsed(due))
            commands += self.feed(s.Window(end, probability))
            self.window_end = end
        return commands

    def speech(self, ms: int) -> list[s.Command]:
        return self.sound(ms, 0.95)

    def glance(
        self, probability: float = 0.95, *, quiet: bool = True, phone: bool = False, ignored: str = ""
    ) -> list[s.Command]:
        """Half a window after the last one."""
        return self.feed(s.Glance(self.window_end + WINDOW // 2, probability, quiet, phone, ignored))  # type: ignore[arg-type]

    def silence(self, ms: int) -> list[s.Command]:
        return self.sound(ms, 0.02)

    def final(self, text: str, utterance: int | None = None) -> list[s.Command]:
        return self.feed(s.Final(self.state.now, utterance or self.state.utterance, text))

    def partial(self, text: str) -> list[s.Command]:
        return self.feed(s.Partial(self.state.now, self.state.utterance, text))

    def reply(self, *, interruptible: bool = True, sounding: bool = True) -> int:
        self.replies += 1
        self.feed(s.ReplyPending(self.state.now, self.replies, interruptible))
        if sounding:
            self.feed(s.PlayoutStarted(self.state.now, self.replies))
        return self.replies

    def kinds(self) -> list[str]:
        return [type(command).__name__ for command in self.log]


def of(kind: type, commands: list[s.Command]) -> list:
    return [command for command in commands if isinstance(command, kind)]


def test_a_turn_opens_with_pre_roll_and_commits_after_the_timeout():
    bench = Bench()
    bench.silence(1000)
    onset = bench.window_end
    opened = of(s.OpenUtterance, bench.speech(900))[0]
    assert opened == s.OpenUtterance(1, onset - in_samples(320), onset)
    end = bench.window_end
    assert of(s.CloseUtterance, bench.silence(200)) == [s.CloseUtterance(1, end)]
    bench.final("what time is it")
    (commit,) = of(s.Commit, bench.silence(800))
    due = end + in_samples(700)
    assert commit == s.Commit(1, "what time is it", "speech", due, end, due)


def test_a_complete_looking_turn_commits_after_the_action_delay():
    bench = Bench()
    bench.speech(900)
    end = bench.window_end
    bench.silence(200)
    bench.final("what time is it")
    bench.feed(s.Completeness(bench.state.now, 1, 0.9))
    (commit,) = of(s.Commit, bench.silence(200))
    assert commit.at == end + in_samples(300)


def test_a_pause_inside_a_turn_keeps_it_open():
    bench = Bench()
    bench.speech(600)
    bench.silence(400)
    bench.final("my name is")
    bench.speech(500)
    bench.silence(200)
    bench.final("alice")
    (commit,) = of(s.Commit, bench.silence(700))
    assert commit.text == "my name is alice"


def test_a_turn_whose_final_is_late_is_released_when_its_text_stands_still():
    bench = Bench()
    bench.speech(600)
    bench.partial("tell me")
    end = bench.window_end
    bench.silence(400)
    bench.partial("tell me more")  # the recogniser is still at it
    changed = bench.state.now
    (commit,) = of(s.Commit, bench.silence(1500))
    assert commit.text == "tell me more"
    assert commit.at == max(end + in_samples(700), changed + in_samples(500))
    assert not bench.feed(s.Final(bench.state.now, 1, "tell me more please")), "it comes too late"


def test_a_slow_final_without_any_text_is_waited_for_and_a_lost_one_does_not_hold_the_turn():
    bench = Bench()
    bench.speech(600)
    end = bench.window_end
    assert not of(s.AbandonTurn, bench.silence(1500))
    bench.silence(1000)
    assert bench.state.ear is Ear.QUIET and bench.state.now > end + in_samples(700 + 1500)


def test_a_click_is_no_utterance():
    bench = Bench()
    bench.speech(32)
    commands = bench.silence(300)
    assert of(s.DropUtterance, commands) == [s.DropUtterance(1)]
    assert bench.state.ear is Ear.QUIET
    bench.silence(2000)
    assert not of(s.Commit, bench.log)


def test_speech_without_words_is_abandoned():
    bench = Bench()
    bench.speech(300)
    bench.silence(200)
    bench.final("")
    assert of(s.AbandonTurn, bench.silence(700)) == [s.AbandonTurn(1)]


def test_speculation_starts_in_the_pause_and_is_retracted_by_speech():
    bench = Bench()
    bench.speech(600)
    bench.silence(200)
    assert of(s.Speculate, bench.final("tell me a story")) == [s.Speculate(1, "tell me a story")]
    assert not of(s.Retract, bench.log)
    assert of(s.Retract, bench.speech(100)) == [s.Retract(1)]
    bench.silence(200)
    assert of(s.Speculate, bench.final("about a dog"))[0].text == "tell me a story about a dog"


def test_speculation_needs_no_final():
    bench = Bench()
    bench.speech(600)
    bench.partial("tell me a story")
    assert of(s.Speculate, bench.silence(120)) == [s.Speculate(1, "tell me a story")]


def test_a_barge_in_holds_in_the_very_window_of_the_onset():
    bench = Bench()
    reply = bench.reply()
    assert bench.speech(32)[0] == s.Hold(reply)


def test_a_cough_resumes_the_same_reply():
    bench = Bench()
    reply = bench.reply()
    bench.speech(200)
    bench.silence(150)
    assert s.Resume(reply) in bench.final("")
    assert bench.state.mouth is Mouth.PLAYING
    bench.silence(2000)
    assert not of(s.Interrupt, bench.log) and not of(s.Commit, bench.log)


def test_a_recogniser_that_is_silent_does_not_keep_the_reply_held():
    bench = Bench()
    reply = bench.reply()
    bench.speech(200)
    end = bench.window_end
    commands = bench.silence(320)
    assert s.Resume(reply) in commands
    assert bench.state.now <= end + in_samples(352)


@pytest.mark.parametrize("text", ["yeah", "ok", "hmm", "mm-hm", "right", "嗯", "yeah yeah", "um okay", "I see"])
def test_backchannels_leave_the_floor(text):
    bench = Bench()
    reply = bench.reply()
    bench.speech(350)
    bench.silence(150)
    assert bench.final(text) == [s.Resume(reply), s.KeepBackchannel(1, text)]
    bench.silence(1500)
    assert not of(s.Commit, bench.log)


@pytest.mark.parametrize("text", ["stop", "wait", "no", "yeah but wait", "um okay stop", "等一下"])
def test_words_interrupt_and_become_the_turn(text):
    bench = Bench()
    reply = bench.reply()
    bench.speech(350)
    bench.silence(150)
    assert bench.final(text) == [s.Interrupt(reply, "words"), s.Speculate(1, text)]
    (commit,) = of(s.Commit, bench.silence(700))
    assert commit.text == text


def test_yeah_is_an_answer_while_the_agent_is_silent():
    bench = Bench()
    bench.speech(350)
    bench.silence(200)
    bench.final("yeah")
    assert of(s.Commit, bench.silence(700))[0].text == "yeah"


def test_sustained_speech_interrupts_without_words():
    bench = Bench()
    reply = bench.reply()
    commands = bench.speech(850)
    assert commands[0] == s.Hold(reply)
    assert s.Interrupt(reply, "speech") in commands


def test_a_late_verdict_interrupts_the_resumed_reply():
    bench = Bench()
    reply = bench.reply()
    bench.speech(350)
    bench.silence(400)
    assert bench.state.mouth is Mouth.PLAYING
    assert bench.final("stop")[0] == s.Interrupt(reply, "words")


def test_a_protected_reply_plays_on_and_the_words_are_kept():
    bench = Bench()
    reply = bench.reply(interruptible=False)
    bench.speech(800)
    bench.silence(200)
    bench.final("stop it")
    bench.silence(1000)
    assert not of(s.Hold, bench.log) and not of(s.Commit, bench.log)
    commands = bench.feed(s.PlayoutEnded(bench.state.now, reply))
    assert of(s.Commit, commands)[0].text == "stop it"


def test_a_reply_being_prepared_does_not_start_while_the_caller_speaks():
    bench = Bench()
    bench.speech(100)
    bench.reply(sounding=False)
    assert bench.state.mouth is Mouth.HELD


def test_the_button_interrupts_and_typing_does_too():
    bench = Bench()
    reply = bench.reply()
    assert bench.feed(s.PressInterrupt(bench.state.now)) == [s.Interrupt(reply, "signal")]
    reply = bench.reply()
    commands = bench.feed(s.Typed(bench.state.now, " hello "))
    assert [type(c) for c in commands] == [s.Interrupt, s.Commit]
    assert commands[1].text == "hello" and commands[1].source == "text"


def test_a_vad_that_trails_behind_the_last_sound_takes_no_speculation_back():
    bench = Bench()
    bench.speech(600)
    loud_until = bench.window_end
    for _ in range(2):  # "speech", but nothing loud any more
        bench.window_end += WINDOW
        bench.feed(s.Window(bench.window_end, 0.9, loud_until=loud_until))
    bench.partial("what time is it")
    commands = bench.feed(s.Completeness(bench.state.now, 1, 0.9))
    assert of(s.Speculate, commands), "the silence is counted from the last sound"
    bench.window_end += WINDOW
    assert not bench.feed(s.Window(bench.window_end, 0.9, loud_until=loud_until))
    bench.window_end += WINDOW
    assert of(s.Retract, bench.feed(s.Window(bench.window_end, 0.9, loud_until=bench.window_end)))


def test_the_deadline_names_the_sample_on_which_a_speculation_is_due():
    bench = Bench()
    bench.speech(600)
    bench.partial("what time is it")
    bench.feed(s.Completeness(bench.state.now, 1, 0.9))
    due = deadline(bench.policy, bench.state)
    assert due == bench.state.last_voice + in_samples(bench.policy.speculate_early_ms)
    assert of(s.Speculate, bench.feed(s.Elapsed(due)))
    assert deadline(bench.policy, bench.state) is None


def test_keys_interrupt_at_once_and_are_a_turn_after_a_pause():
    bench = Bench()
    reply = bench.reply()
    assert bench.feed(s.Keys(bench.state.now, "1")) == [s.Interrupt(reply, "dtmf")]
    bench.silence(2000)
    bench.feed(s.Keys(bench.state.now, "2"))
    pressed = bench.state.now
    bench.silence(2400)
    assert not of(s.Commit, bench.log)
    bench.silence(200)
    assert of(s.Commit, bench.log) == [s.Commit(1, "12", "dtmf", pressed + in_samples(2500), pressed, pressed + in_samples(2500))]


def test_a_hash_ends_what_was_keyed_in_and_alone_it_is_a_turn():
    bench = Bench()
    commands = bench.feed(s.Keys(0, "12#4*#"))
    assert [(commit.text, commit.source) for commit in of(s.Commit, commands)] == [("12", "dtmf"), ("4*", "dtmf")]
    assert of(s.Commit, bench.feed(s.Keys(0, "#")))[0].text == "#"
    assert not bench.state.keys and deadline(bench.policy, bench.state) is None


def test_keys_wait_for_a_protected_reply_and_an_open_spoken_turn_stays_open():
    bench = Bench()
    reply = bench.reply(interruptible=False)
    bench.feed(s.Keys(bench.state.now, "7#8"))
    bench.silence(3000)
    bench.speech(500)
    bench.partial("what time")
    assert not of(s.Interrupt, bench.log) and not of(s.Commit, bench.log)
    commands = bench.feed(s.PlayoutEnded(bench.state.now, reply))
    assert [commit.text for commit in of(s.Commit, commands)] == ["7", "8"]
    bench.final("what time is it")
    bench.silence(700)
    assert of(s.Commit, bench.log)[-1].text == "what time is it"


def test_keys_without_end_are_bounded_and_others_are_illegal():
    bench = Bench()
    bench.feed(s.Keys(0, "1" * 40))
    assert len(of(s.Commit, bench.feed(s.Keys(0, "1" * 40)))[0].text) == 64
    for wrong in ("", "E", "１", "1 2"):
        with pytest.raises(IllegalInput, match="keys are one or more of"):
            bench.feed(s.Keys(0, wrong))


def test_push_to_talk_commits_without_waiting():
    bench = Bench()
    bench.speech(600)
    assert of(s.CloseUtterance, bench.feed(s.PressCommit(bench.state.now)))
    commands = bench.final("count to twenty")
    assert of(s.Commit, commands)[0].text == "count to twenty"


def test_stale_inputs_change_nothing():
    bench = Bench()
    first = bench.reply()
    bench.feed(s.PlayoutEnded(bench.state.now, first))
    bench.reply()
    before = bench.state
    assert bench.feed(s.PlayoutEnded(bench.state.now, first)) == []
    assert bench.feed(s.ReplyPending(bench.state.now, first)) == []
    assert bench.state == before


@pytest.mark.parametrize(
    "event",
    [
        s.Window(512, 1.5),
        s.Window(512, -0.1),
        s.Window(10, 0.5),
        s.Glance(512, 1.5),
        s.Final(100, 3, "words from the future"),
        s.PlayoutEnded(100, 9),
        "not an input",
    ],
)
def test_impossible_inputs_raise_and_leave_the_state(event):
    bench = Bench()
    bench.state.now = 64
    before = bench.state
    with pytest.raises(IllegalInput):
        bench.feed(event)
    assert bench.state is before


@pytest.mark.parametrize(
    "fields",
    [{"timeout_ms": -1}, {"offset_probability": 0.9}, {"action_delay_ms": 1900}, {"speculation": "yes"}, {"threshold": 2}],
)
def test_policies_out_of_range_are_refused(fields):
    with pytest.raises(ValueError, match=next(iter(fields))):
        TurnPolicy(**fields)


# ── properties ────────────────────────────────────────────────────────────────────────────────────────────────────────

MOVES = st.lists(
    st.one_of(
        st.tuples(st.just("speech"), st.integers(20, 900)),
        st.tuples(st.just("silence"), st.integers(20, 1200)),
        st.tuples(st.just("final"), st.sampled_from(["", "yeah", "stop", "what time is it", "um"])),
        st.tuples(st.just("partial"), st.sampled_from(["yeah", "what", "go on"])),
        st.tuples(st.just("reply"), st.booleans()),
        st.tuples(st.just("started"), st.none()),
        st.tuples(st.just("ended"), st.none()),
        st.tuples(st.just("press"), st.booleans()),
        st.tuples(st.just("glance"), st.sampled_from([0.3, 0.5, 0.9])),
        st.tuples(st.just("typed"), st.just("hello")),
        st.tuples(st.just("keys"), st.sampled_from(["1", "23#"])),
    ),
    max_size=40,
)


class Room:
    """A model of what the session and the room do with commands; it checks every promise as they come."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.living = 0
        self.held = False
        self.open: set[int] = set()
        self.committed: set[int] = set()

    def obey(self, commands: list[s.Command]) -> None:
        for command in commands:
            match command:
                case s.Hold(reply):
                    assert reply == self.living and not self.held
                    self.held = True
                case s.Resume(reply):
                    assert reply == self.living and self.held, "a resume without a hold, or of a dead reply"
                    assert self.bench.state.ear is not Ear.SPEAKING, "the reply speaks while the caller speaks"
                    self.held = False
                case s.Interrupt(reply):
                    assert reply == self.living
                    self.living, self.held = 0, False
                case s.Commit(turn):
                    assert not self.living, "a turn commits over a living reply"
                    assert turn not in self.committed, "a turn commits twice"
                    self.committed.add(turn)
                case s.AbandonTurn(turn):
                    assert turn not in self.committed
                    self.committed.add(turn)
                case s.OpenUtterance(utterance, start, onset):
                    assert utterance not in self.open and start <= onset
                    self.open.add(utterance)
                case s.CloseUtterance(utterance) | s.DropUtterance(utterance):
                    self.open.remove(utterance)
        state = self.bench.state
        assert self.held == (state.mouth is Mouth.HELD)
        assert bool(self.living) == (state.mouth is not Mouth.IDLE)
        assert len(self.open) <= 1, "two utterances at once"
        if state.mouth is Mouth.HELD:
            assert state.ear is Ear.SPEAKING or deadline(self.bench.policy, state) or state.owed, "a hold that nobody ends"

    def move(self, kind: str, argument: object) -> None:
        bench, state = self.bench, self.bench.state
        if kind in ("speech", "silence"):
            for _ in range(-(-in_samples(argument) // WINDOW)):  # type: ignore[arg-type]
                end = bench.window_end + WINDOW
                while (due := deadline(bench.policy, bench.state)) is not None and due < end:
                    self.obey(bench.feed(s.Elapsed(due)))
                self.obey(bench.feed(s.Window(end, 0.95 if kind == "speech" else 0.02)))
                bench.window_end = end
        elif kind == "glance":
            while (due := deadline(bench.policy, bench.state)) is not None and due < bench.window_end + WINDOW // 2:
                self.obey(bench.feed(s.Elapsed(due)))
            self.obey(bench.glance(float(argument)))  # type: ignore[arg-type]
        elif kind == "final" and state.owed:
            self.obey(bench.feed(s.Final(state.now, state.owed[0], str(argument))))
        elif kind == "partial" and state.owed:
            self.obey(bench.feed(s.Partial(state.now, state.owed[-1], str(argument))))
        elif kind == "reply" and not self.living:
            bench.replies += 1
            self.living = bench.replies
            self.obey_pending(bool(argument))
        elif kind == "started" and self.living:
            self.obey(bench.feed(s.PlayoutStarted(state.now, self.living)))
        elif kind == "ended" and self.living and not self.held:
            ended, self.living = self.living, 0
            self.obey(bench.feed(s.PlayoutEnded(state.now, ended)))
        elif kind == "press":
            self.obey(bench.feed(s.PressInterrupt(state.now) if argument else s.PressCommit(state.now)))
        elif kind == "typed":
            self.obey(bench.feed(s.Typed(state.now, str(argument))))
        elif kind == "keys":
            self.obey(bench.feed(s.Keys(state.now, str(argument))))

    def obey_pending(self, interruptible: bool) -> None:
        self.obey(self.bench.feed(s.ReplyPending(self.bench.state.now, self.living, interruptible)))


@settings(max_examples=300, deadline=None)
@given(MOVES)
def test_no_order_of_events_breaks_a_promise(moves):
    room = Room()
    for kind, argument in moves:
        room.move(kind, argument)


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_silence_always_frees_the_floor(moves):
    room = Room()
    for kind, argument in moves:
        room.move(kind, argument)
    room.move("silence", 5000)
    assert not room.held, "a hold was lost"
    if not room.living:
        assert room.bench.state.ear is Ear.QUIET


@settings(max_examples=100, deadline=None)
@given(MOVES)
def test_equal_inputs_give_equal_commands(moves):
    first, second = Room(), Room()
    for kind, argument in moves:
        first.move(kind, argument)
        second.move(kind, argument)
    assert first.bench.log == second.bench.log


# ── the patience that a caller's pauses ask for ───────────────────────────────────────────────────────────────────────


def _commit_delay(patience: float, probability: float) -> int:
    """From the end of speech to the commit, in samples."""
    bench = Bench()
    bench.speech(600)
    end = bench.window_end
    bench.silence(200)
    bench.final("what time is it")
    bench.feed(s.Completeness(bench.state.now, 1, probability, patience))
    (commit,) = of(s.Commit, bench.silence(3000))
    assert commit.endpoint_at == commit.at
    return commit.at - end


def test_patience_stretches_and_shortens_the_action_delay():
    assert _commit_delay(1.0, 0.9) == in_samples(300)
    assert _commit_delay(1.8, 0.9) == in_samples(540)
    assert _commit_delay(0.8, 0.9) == in_samples(240)


def test_patience_stretches_the_timeout_and_never_shortens_it():
    assert _commit_delay(1.8, 0.1) == in_samples(1260)
    assert _commit_delay(0.6, 0.1) == in_samples(700)


def test_a_turn_that_looks_complete_never_waits_longer_than_one_that_does_not():
    assert _commit_delay(3.0, 0.9) == in_samples(700)


def test_patience_lasts_into_the_next_turn():
    bench = Bench()
    bench.speech(600)
    bench.silence(200)
    bench.final("hello")
    bench.feed(s.Completeness(bench.state.now, 1, 0.1, 1.5))
    bench.silence(1200)
    bench.speech(600)
    end = bench.window_end
    bench.silence(200)
    bench.final("are you there")
    (commit,) = of(s.Commit, bench.silence(2000))
    assert commit.at - end == in_samples(1050)


@pytest.mark.parametrize("verdict", [(2.0, 1.0), (-0.1, 1.0), (float("nan"), 1.0), (0.5, 0.0), (0.5, 11.0), (0.5, float("nan"))])
def test_an_impossible_verdict_is_refused(verdict):
    bench = Bench()
    bench.speech(600)
    before = bench.state
    with pytest.raises(IllegalInput, match="patience"):
        bench.feed(s.Completeness(bench.state.now, 1, *verdict))
    assert bench.state == before


def test_a_rasp_that_wavers_below_the_onset_keeps_no_reply_held():
    bench = Bench(TurnPolicy())
    bench.reply()
    bench.speech(100)
    end = bench.window_end
    bench.sound(320, 0.4)
    assert of(s.CloseUtterance, bench.log) == [s.CloseUtterance(1, end)]
    bench.final("")
    assert bench.kinds()[-1] == "Resume"


def test_in_the_caller_s_own_turn_a_voice_may_waver():
    bench = Bench(TurnPolicy())
    bench.speech(100)
    bench.sound(320, 0.4)
    assert of(s.CloseUtterance, bench.log) == []
