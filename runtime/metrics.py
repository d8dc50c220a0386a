"""Every metric of the hub, in one closed list."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

EVENTS_APPLIED = Counter("payvand_events_applied_total", "Events applied, once each.", ["stage", "type"])
EVENTS_REPEATED = Counter("payvand_events_repeated_total", "Events seen again and dropped by the inbox.", ["stage"])
EVENTS_REFUSED = Counter("payvand_events_refused_total", "Events gone to the dead letters.", ["stage"])
EVENTS_PARKED = Gauge("payvand_events_parked", "Events that wait behind trouble on their key.", ["stage"])
BATCH_SECONDS = Histogram("payvand_batch_seconds", "From a batch in hand to its commit.", ["stage"], buckets=_SECONDS)
BATCH_RETRIES = Counter("payvand_batch_retries_total", "Batches tried again after passing trouble.", ["stage"])
EVENT_AGE = Histogram("payvand_event_age_seconds", "Age of an event when applied.", ["stage"], buckets=_SECONDS)
STAGE_LAG = Gauge("payvand_stage_lag_records", "Records on the log that the stage has not applied.", ["stage"])

OUTBOX_WAITING = Gauge("payvand_outbox_parcels_waiting", "Committed parcels not yet acknowledged by the log.", ["service"])
OUTBOX_PUBLISHED = Counter("payvand_outbox_records_total", "Records acknowledged by the log.", ["service"])

ACCEPTED = Counter("payvand_interactions_accepted_total", "Interactions committed by ingest.", ["channel"])
ACCEPT_REFUSED = Counter("payvand_inputs_refused_total", "Inputs that made no event, kept raw.", ["channel", "code"])
FILES = Counter("payvand_files_fetched_total", "Files fetched from providers after the commit.", ["inbox", "outcome"])
SOURCES = Gauge("payvand_source_state", "1 for the state a source is in: running, waiting, misconfigured.", ["inbox", "state"])
DECISIONS = Counter("payvand_routing_decisions_total", "Routing decisions.", ["type"])
DECISION_SECONDS = Histogram("payvand_routing_fold_seconds", "Folding one batch of commands.", buckets=_SECONDS)
WAITING = Gauge("payvand_work_items_waiting", "Work items waiting.", ["queue"])
DELIVERIES = Counter("payvand_deliveries_total", "Delivery state changes.", ["channel", "state"])
STREAMED = Counter("payvand_stream_events_total", "Events written to the public stream.")
WEBHOOKS = Counter("payvand_webhook_attempts_total", "Attempts to deliver to webhooks.", ["outcome"])
WEBHOOKS_BEHIND = Gauge("payvand_webhook_behind_events", "How far the slowest enabled webhook is behind the stream.")
WEBHOOKS_DEAD = Gauge("payvand_webhook_dead_letters", "Deliveries to webhooks that were given up.")
LIVE_CONNECTIONS = Gauge("payvand_live_connections", "Open sockets.", ["kind"])
HTTP_SECONDS = Histogram("payvand_http_seconds", "HTTP requests.", ["method", "route", "status"], buckets=_SECONDS)
