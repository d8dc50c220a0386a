"""An organisation to begin with."""
