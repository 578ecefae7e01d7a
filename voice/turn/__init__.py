"""Turn-taking: a sans-I/O state machine and its policies."""
