"""The kit every service stands on: settings, database, the stage with inbox and outbox, HTTP, telemetry. Imports schemas
only."""
