"""The mouthpiece: a small lead ahead of the playhead, never more."""

from hubbub.voice.mouthpiece import LEAD_MS, PATIENCE_S, UNREPORTED_DELAY_MS, Mouthpiece

LEAD = LEAD_MS * 24
FRAME = 480


def speaking(seconds: float = 2.0, *, reports: bool = True) -> Mouthpiece:
    mouth = Mouthpiece()
    mouth.reports = reports
    mouth.playout.begin(1)
    mouth.playout.add_piece(1, "hello")
    mouth.playout.add_sound(1, bytes(int(seconds * 24_000) * 2))
    mouth.playout.finish(1)
    return mouth


def test_the_lead_leaves_at_once_and_then_real_time():
    mouth = speaking()
    assert len(mouth.due(0.0)) == LEAD_MS // 20
    assert mouth.due(0.0) == []
    assert len(mouth.due(0.02)) == 1
    mouth.played(1, 960, 0.04)
    assert len(mouth.due(0.04)) == 1


def test_a_client_that_stops_reporting_gets_no_more():
    mouth = speaking(5.0)
    for tick in range(200):
        mouth.due(tick / 100)
    assert LEAD <= mouth.playout.sent(1) <= LEAD + int(0.4 * 24_000) + FRAME


def test_without_reports_the_clock_estimates_and_under_credits():
    mouth = speaking(reports=False)
    for tick in range(101):
        mouth.due(tick / 100)
    assert mouth.playout.playhead(1) == 24_000 - UNREPORTED_DELAY_MS * 24
    tick = 101
    while not mouth.over(1, tick / 100):
        mouth.due(tick / 100)
        tick += 1
    assert 2.0 + UNREPORTED_DELAY_MS / 1000 <= tick / 100 <= 2.2
    assert mouth.playout.through(1)


def test_a_held_reply_sends_nothing_and_resumes_where_it_stopped():
    mouth = speaking()
    sent = mouth.due(0.0)
    mouth.hold(1)
    assert mouth.due(1.0) == []
    mouth.resume(1, 1.0)
    mouth.played(1, LEAD, 1.0)
    (first, *_) = mouth.due(1.0)
    assert first.offset == sent[-1].offset + FRAME


def test_a_held_reply_goes_on_at_once_for_an_ear_without_reports():
    mouth = speaking(3.0)
    mouth.reports = False
    for tick in range(100):
        mouth.due(tick / 50)
    sent = mouth.playout.sent(1)
    mouth.hold(1)
    mouth.resume(1, 2.5)
    assert sum(len(sound.pcm) // 2 for sound in mouth.due(2.5)) == LEAD
    for tick in range(1, 11):
        mouth.due(2.5 + tick / 50)
    assert mouth.playout.sent(1) == sent + LEAD + 10 * FRAME


def test_a_reply_is_over_with_the_last_report_or_after_patience():
    mouth = speaking(0.1)
    mouth.due(0.0)
    assert not mouth.over(1, 0.05)
    mouth.played(1, 2400, 0.1)
    assert mouth.over(1, 0.1)
    silent = speaking(0.1)
    silent.due(0.0)
    assert not silent.over(1, 1.0)
    assert silent.over(1, 0.1 + PATIENCE_S)


def test_after_a_gap_in_synthesis_the_lead_is_not_made_up_by_a_burst():
    mouth = Mouthpiece()
    mouth.playout.begin(1)
    mouth.playout.add_sound(1, bytes(FRAME * 2 * 2))
    assert len(mouth.due(0.0)) == 2
    for tick in range(1, 100):
        assert mouth.due(tick / 100) == []
    mouth.playout.add_sound(1, bytes(24_000 * 2))
    assert len(mouth.due(1.0)) == LEAD_MS // 20


def test_what_a_far_end_threw_away_is_sent_again_and_its_end_is_still_an_end():
    mouth = speaking(0.5)
    mouth.due(0.0)
    mouth.played(1, FRAME, 0.06)
    assert [sound.offset for sound in mouth.due(0.06)][-1] == FRAME * 6
    mouth.hold(1)
    mouth.rewind(1, 0.1)  # the ear was at 20 ms, 40 ms ago
    assert mouth.due(0.2) == []
    mouth.resume(1, 1.0)
    again = mouth.due(1.0)
    assert again[0].offset == FRAME * 3 and len(again) == LEAD_MS // 20
    rest = [sound for tick in range(2, 40) for sound in (mouth.played(1, 24_000, 1 + tick / 50), mouth.due(1 + tick / 50))[1]]
    assert rest[-1].last
    mouth.played(1, 12_000, 2.0)
    assert mouth.over(1, 2.0)


def test_before_the_first_report_a_rewind_trusts_the_clock_less():
    mouth = speaking(2.0)
    mouth.due(0.0)
    mouth.rewind(1, 0.1)
    assert mouth.due(0.1)[0].offset == 0


def test_a_reply_thrown_away_after_its_last_sample_was_played_ends():
    mouth = speaking(0.1)
    mouth.due(0.0)
    mouth.played(1, FRAME, 0.03)
    mouth.rewind(1, 0.3)
    assert mouth.due(0.3) == [] and mouth.over(1, 0.3)


def test_reports_that_were_not_promised_are_believed_but_do_not_slow_the_pace():
    mouthpiece = Mouthpiece(lead_ms=20)
    mouthpiece.reports = False
    mouthpiece.playout.begin(1)
    mouthpiece.playout.add_sound(1, bytes(2 * 24_000))
    sent = 0
    for tick in range(50):
        now = tick / 100
        sent += len(mouthpiece.due(now))
        if tick >= 20:
            mouthpiece.played(1, int((now - 0.19) * 24_000), now)
    assert sent == 26
    assert mouthpiece.playout.playhead(1) == int((0.49 - 0.19) * 24_000), "not the estimate, which is 40 ms ahead"


def test_one_that_reports_without_a_promise_is_asked_first_in_its_next_reply_and_waited_for_at_the_end():
    mouth = speaking(1.0, reports=False)
    for tick in range(101):
        mouth.due(tick / 100)
        if tick == 10:
            mouth.played(1, FRAME, 0.1)
    assert mouth.ending and not mouth.over(1, 1.0 + UNREPORTED_DELAY_MS / 1000), "its last report is on its way"
    mouth.played(1, 24_000, 1.2)
    assert mouth.over(1, 1.2)
    mouth.playout.retire(1)
    mouth.playout.begin(2)
    mouth.playout.add_sound(2, bytes(2 * 48_000))
    for tick in range(200, 250):
        mouth.due(tick / 100)
    assert mouth.playout.playhead(2) == 0, "nothing is estimated yet"
    mouth.due(2.5)
    assert mouth.playout.playhead(2) == 12_000 - UNREPORTED_DELAY_MS * 24, "no report came"


def test_a_far_end_that_promised_reports_and_never_sends_one_is_estimated():
    mouth = speaking(5.0)
    for tick in range(700):
        mouth.due(tick / 100)
    assert mouth.playout.sent(1) == 5 * 24_000
    assert mouth.over(1, 8.0)
    reporting = speaking(5.0)
    reporting.due(0.0)
    reporting.played(1, 480, 0.1)
    for tick in range(700):
        reporting.due(tick / 100)
    assert reporting.playout.sent(1) < 24_000, "one that has reported before is waited for"
