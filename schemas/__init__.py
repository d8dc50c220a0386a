"""The contracts: event payloads, the envelope around them, and the topics they travel on.

Pydantic only; imports nothing else of Payvand, so that any program may depend on it.
"""
