"""`payvand loadtest`: an open-loop load through the real HTTP face, measured up to the router's decision.

Latency runs from the moment a request was due (not from when it was sent, so a slow hub cannot hide behind waiting clients)
to the moment the decision `WorkAssigned` is read from the log. Next to it, in the same run, the bare pipeline is the limit:
consume, insert, produce, nothing else.
"""
