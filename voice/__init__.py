"""Who hears and speaks: sound, time, turns, rooms and the doors to them."""
