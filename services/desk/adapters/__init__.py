"""The outside of the desk: Postgres, HTTP, live sockets."""
