"""The router's machine against exact figures of queueing theory. Run: python -m bench.oracles"""
