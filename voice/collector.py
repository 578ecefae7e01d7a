"""Python's garbage collector, set for a server that runs for weeks and must not stop to tidy up.

Left alone, the collector looks through every module and class that was ever loaded, again and again, because the messages and tasks of
conversations make it start every few hundred objects: 15 % of a talking session's time, in pauses of some milliseconds. What is there
once the server is ready stays for as long as the process, so it is taken out of what is looked through; and young objects, nearly all
of which are freed by their reference counts, are looked through a tenth as often.

A room is busy without growing, so those thresholds are hardly ever reached, and what is left in circles (a removed agent, a deleted
room) would wait for hours; a soak of 60 minutes grew by 80 MB. So `tidy` looks once a minute at what is younger than that, which takes
a millisecond, at the older in longer and longer intervals. A caller who leaves waits for none of it: his parts don't refer to him.
"""

import gc

YOUNG, MIDDLE, OLD = 10_000, 10, 10
"""Thresholds of the three generations (Python's own: 700, 10, 10). Cycles that wait for the next look are a few MB at most."""


def spare_collector() -> None:
    """Call it once everything is loaded, and again after more was, while nobody talks: it takes some 50 ms. For the whole process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def tidy(minute: int) -> None:
    """Call it once a minute, with a number that counts them."""
    gc.collect(2 if minute % 60 == 0 else 1 if minute % 10 == 0 else 0)
