"""Tools that come with the house. None of them is in a toolkit until it is registered."""
