"""Tools: what agents can do besides talking. The public names are imported from the modules of this package."""
