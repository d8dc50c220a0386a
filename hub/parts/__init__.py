"""What the embedded run is made of: one file per part, each a value that says how to start it and when it is ready."""
