"""A Bot API server with one bot and the people who write to it. Source: https://core.telegram.org/bots/api."""
