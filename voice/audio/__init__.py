"""Sound as values: frames, resampling, levels, wav files. No I/O beyond files, no asyncio, no engine."""
