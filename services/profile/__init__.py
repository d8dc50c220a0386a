"""Keeps the unified customer record: one contact per person, their identifiers, their conversations."""
