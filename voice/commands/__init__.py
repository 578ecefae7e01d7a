"""The commands of `hubbub`, one file each: `add` describes the arguments, `run` does the work and answers the exit status."""
