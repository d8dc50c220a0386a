"""The router's machine: an ordered log of commands folded into state and decisions. No clock, no random, no I/O."""
