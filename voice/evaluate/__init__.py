"""Turn-taking and endpointing measured on labelled sound, through the real path, in simulated time."""
