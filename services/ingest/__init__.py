"""Receives what channels and integrators bring, commits it, answers, and publishes `interactions.received`."""
