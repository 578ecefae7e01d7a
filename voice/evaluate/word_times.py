"""When each word of the human recordings is spoken, by the name that their `manifest.json` gives them: (word, start, end) in ms.

Found once by forced alignment of the known transcripts (pocketsphinx), the last word before each pause of `NATURAL_PAUSES` by the
level of the sound. Good to about 40 ms. The recordings themselves are no part of the project.
"""

WORD_TIMES: dict[str, tuple[tuple[str, int, int], ...]] = {
    "speech/230pm.wav": (
        ("two", 0, 420), ("thirty", 420, 1010), ("p", 1010, 1240), ("m", 1240, 1560),
    ),
    "speech/book_a_room.wav": (
        ("book", 0, 310), ("a", 310, 370), ("room", 370, 810),
    ),
    "speech/digits/0_george.wav": (
        ("zero", 0, 530),
    ),
    "speech/digits/0_jackson.wav": (
        ("zero", 0, 540),
    ),
    "speech/digits/1_george.wav": (
        ("one", 0, 490),
    ),
    "speech/digits/1_jackson.wav": (
        ("one", 0, 430),
    ),
    "speech/digits/2_george.wav": (
        ("two", 0, 310),
    ),
    "speech/digits/2_jackson.wav": (
        ("two", 0, 410),
    ),
    "speech/digits/3_george.wav": (
        ("three", 0, 440),
    ),
    "speech/digits/3_jackson.wav": (
        ("three", 0, 440),
    ),
    "speech/digits/4_george.wav": (
        ("four", 0, 330),
    ),
    "speech/digits/4_jackson.wav": (
        ("four", 0, 350),
    ),
    "speech/digits/5_george.wav": (
        ("five", 0, 330),
    ),
    "speech/digits/5_jackson.wav": (
        ("five", 0, 170),
    ),
    "speech/digits/6_george.wav": (
        ("six", 0, 450),
    ),
    "speech/digits/6_jackson.wav": (
        ("six", 0, 470),
    ),
    "speech/digits/7_george.wav": (
        ("seven", 0, 490),
    ),
    "speech/digits/7_jackson.wav": (
        ("seven", 0, 380),
    ),
    "speech/digits/8_george.wav": (
        ("eight", 0, 300),
    ),
    "speech/digits/8_jackson.wav": (
        ("eight", 0, 220),
    ),
    "speech/digits/9_george.wav": (
        ("nine", 0, 310),
    ),
    "speech/digits/9_jackson.wav": (
        ("nine", 0, 380),
    ),
    "speech/half_an_hour.wav": (
        ("half", 0, 400), ("an", 400, 560), ("hour", 560, 970),
    ),
    "speech/hello_gemini_are_you_there.wav": (
        ("hello", 100, 500), ("gemini", 1370, 1880), ("are", 2270, 2450), ("you", 2450, 2600), ("there", 2600, 2930),
    ),
    "speech/how_old_is_the_brooklyn_bridge.wav": (
        ("how", 0, 300), ("old", 300, 610), ("is", 610, 780), ("the", 780, 860), ("brooklyn", 860, 1270), ("bridge", 1270, 1710),
    ),
    "speech/jfk.flac": (
        ("and", 290, 630), ("so", 630, 970), ("my", 970, 1240), ("fellow", 1240, 1630), ("americans", 1630, 2210),
        ("ask", 3250, 3990), ("not", 3990, 4410), ("what", 5370, 5610), ("your", 5610, 5860), ("country", 5860, 6420),
        ("can", 6420, 6660), ("do", 6660, 6910), ("for", 6910, 7050), ("you", 7050, 7640), ("ask", 8150, 8530),
        ("what", 8530, 8830), ("you", 8830, 9200), ("can", 9200, 9370), ("do", 9370, 9630), ("for", 9630, 9780),
        ("your", 9780, 9990), ("country", 9990, 10530),
    ),
    "speech/mountain_view.wav": (
        ("mountain", 0, 550), ("view", 550, 900),
    ),
    "speech/spk1_snt1.wav": (
        ("the", 0, 110), ("child", 110, 700), ("almost", 700, 1270), ("hurt", 1270, 1680), ("the", 1680, 1890),
        ("small", 1890, 2370), ("dog", 2370, 2850),
    ),
    "speech/spk1_snt2.wav": (
        ("drop", 0, 410), ("the", 410, 570), ("two", 570, 1410), ("when", 1410, 1620), ("you", 1620, 1760), ("add", 1760, 2140),
        ("the", 2140, 2240), ("figures", 2240, 3110),
    ),
    "speech/spk1_snt3.wav": (
        ("at", 0, 140), ("that", 140, 530), ("high", 530, 920), ("level", 920, 1420), ("the", 1420, 1660), ("air", 1660, 1940),
        ("is", 1940, 2110), ("pure", 2110, 2690),
    ),
    "speech/spk1_snt4.wav": (
        ("a", 0, 120), ("thin", 120, 510), ("stripe", 510, 1160), ("runs", 1160, 1680), ("down", 1680, 2000), ("the", 2000, 2060),
        ("middle", 2060, 2490),
    ),
    "speech/spk2_snt1.wav": (
        ("we", 0, 100), ("are", 100, 180), ("sure", 180, 500), ("that", 500, 660), ("one", 660, 930), ("war", 930, 1270),
        ("is", 1270, 1400), ("enough", 1400, 1900),
    ),
    "speech/spk2_snt2.wav": (
        ("what", 0, 190), ("joy", 190, 620), ("there", 620, 860), ("is", 860, 1050), ("in", 1050, 1160), ("living", 1160, 1680),
    ),
    "speech/spk2_snt3.wav": (
        ("tear", 0, 250), ("thin", 250, 520), ("sheets", 520, 850), ("from", 850, 980), ("the", 980, 1060),
        ("yellow", 1060, 1320), ("pad", 1320, 1790),
    ),
    "speech/spk2_snt4.wav": (
        ("mend", 0, 390), ("the", 390, 490), ("coat", 490, 820), ("before", 820, 1230), ("you", 1230, 1350), ("go", 1350, 1540),
        ("out", 1540, 2000),
    ),
    "speech/today.wav": (
        ("today", 0, 550),
    ),
    "speech/two_people.wav": (
        ("two", 0, 230), ("people", 230, 810),
    ),
    "speech/whats_the_weather_like.wav": (
        ("what's", 90, 400), ("the", 400, 500), ("weather", 500, 800), ("like", 800, 1270),
    ),
}  # fmt: skip

NATURAL_PAUSES: dict[str, tuple[tuple[int, int], ...]] = {
    "speech/jfk.flac": ((2210, 3250), (4410, 5370), (7640, 8150)),
    "speech/hello_gemini_are_you_there.wav": ((500, 1370), (1880, 2270)),
}
"""Pauses that the speakers made themselves, in ms."""
