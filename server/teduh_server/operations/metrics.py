"""Counters for the operator: how much, never who. Prometheus reads them at /metrics."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

REGISTRY = CollectorRegistry()

CONNECTIONS = Gauge("teduh_connections", "Open WebSocket connections.", registry=REGISTRY)
STAFF_CONNECTIONS = Gauge("teduh_staff_connections", "Authenticated staff connections.", registry=REGISTRY)
CONVERSATIONS = Gauge(
    "teduh_conversations", "Conversations with subscribers on this node.", registry=REGISTRY
)
ACCEPTED = Gauge("teduh_appends_accepted_total", "Appends accepted since the start.", registry=REGISTRY)
REFUSED = Counter("teduh_frames_refused", "Errors sent, by code.", ["code"], registry=REGISTRY)
REQUESTS = Counter("teduh_requests_opened", "Requests opened.", registry=REGISTRY)
CLAIMS = Counter("teduh_requests_claimed", "Requests claimed.", registry=REGISTRY)
LEASES_ENDED = Counter("teduh_leases_ended", "Claims that ended without a commit.", registry=REGISTRY)
REPORTS = Counter("teduh_requests_reported", "Requests reported as none, by staff.", registry=REGISTRY)
AUTHORITY_EXPIRES = Gauge(
    "teduh_authority_expires",
    "When the authority statement expires, seconds since 1970; 0: there is none.",
    registry=REGISTRY,
)
REVOCATIONS_EXPIRES = Gauge(
    "teduh_revocations_expires",
    "When the revocation list expires, seconds since 1970; 0: there is none.",
    registry=REGISTRY,
)
TASKS = Gauge("teduh_tasks", "Asynchronous tasks that the node runs.", registry=REGISTRY)
SLOW_READERS = Counter("teduh_slow_readers", "Times a reader fell back to the log.", registry=REGISTRY)
STORE_FILL = Gauge(
    "teduh_store_fill", "Used memory of the fullest master, as a share of its maxmemory.", registry=REGISTRY
)
STORE_READY = Gauge("teduh_store_ready", "1 if an append would succeed now, else 0.", registry=REGISTRY)
STORE_REFUSED = Counter(
    "teduh_store_refused",
    "Writes that the store did not take, by its word for it.",
    ["cause"],
    registry=REGISTRY,
)
NOT_KEPT = Counter(
    "teduh_store_sync_failures",
    "Batches that replicas did not confirm, and ends of the embedded Valkey, which could not sync.",
    registry=REGISTRY,
)
LIST_AGE = Gauge(
    "teduh_revocation_list_age_seconds",
    "Since the revocation list was issued; -1 without any.",
    registry=REGISTRY,
)
LOOP_LAG = Gauge(
    "teduh_event_loop_lag_seconds",
    "The longest that the event loop was late in the last minute.",
    registry=REGISTRY,
)
