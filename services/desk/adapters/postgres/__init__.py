"""The desk in Postgres, schema `desk`."""
