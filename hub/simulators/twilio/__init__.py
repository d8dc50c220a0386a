"""A Twilio API on loopback: Programmable Messaging as its documentation tells it, with signed webhooks, and customers who text.

Numbers that behave in a known way are those of Twilio's test credentials (`+15005550001` …); a recipient that ends in a code of
the 30000s is not reached for that reason; one that ends in 99408 is taken, but the answer gets lost.
"""
