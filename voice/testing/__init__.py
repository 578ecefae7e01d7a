"""Scripted engines, callers and networks in simulated time, for our tests and for users'."""
