"""Pure rules of sending: what a delivery becomes, which channel is next, when to try again."""
