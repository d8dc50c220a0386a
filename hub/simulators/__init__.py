"""Providers and customers to look at and to test with, where there is no account anywhere.

A mailbox provider that takes the mail Payvand sends, and customers in Persian, Russian and English who write by mail and by
web chat, over the real protocols. The adapters do not know the difference.
"""
