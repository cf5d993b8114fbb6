"""What is counted, for Prometheus. Labels are few: routes, never paths; classes of status, never clients."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("worldstrat_requests", "Requests by route and class of status", ["method", "route", "status"])
SECONDS = Histogram(
    "worldstrat_request_seconds",
    "Seconds from a request to the end of its answer",
    ["route"],
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
SENT = Counter("worldstrat_response_bytes", "Bytes of bodies of answers", ["route"])
BUSY = Gauge("worldstrat_requests_in_progress", "Requests that are being answered", multiprocess_mode="livesum")
TILES = Counter(
    "worldstrat_tiles",
    "Tiles of items, composites and super-resolved items: warm (finished and kept), cold (made), unchanged (304)",
    ["kind", "result"],
)
REFUSED = Counter(
    "worldstrat_refused", "Requests refused by the rate of their client, or because too many wait", ["kind", "reason"]
)
CANCELLED = Counter("worldstrat_cancelled", "Requests whose client hung up before the answer", ["kind"])
TURNS = Gauge(
    "worldstrat_turns",
    "Costly requests that work, or wait for their turn",
    ["kind", "state"],
    multiprocess_mode="livesum",
)
STORE_REQUESTS = Counter("worldstrat_store_requests", "Requests to the object store", ["operation", "outcome"])
STORE_BYTES = Counter("worldstrat_store_bytes", "Bytes read from and written to the object store", ["operation"])
STORE_SECONDS = Histogram(
    "worldstrat_store_seconds",
    "Seconds until the object store answered",
    ["operation"],
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
POOL = Gauge(
    "worldstrat_database_connections",
    "Connections to the database by pool and state",
    ["pool", "state"],
    multiprocess_mode="livesum",
)
POOL_WAITING = Gauge(
    "worldstrat_database_waiting", "Requests that wait for a connection", ["pool"], multiprocess_mode="livesum"
)
POOL_SECONDS = Histogram(
    "worldstrat_database_wait_seconds",
    "Seconds that searches waited for a connection",
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5),
)
CACHE_BYTES = Gauge("worldstrat_cache_bytes", "Bytes kept in memory", ["cache"], multiprocess_mode="livesum")
INFO = Gauge("worldstrat_info", "1, labelled with the version", ["version"], multiprocess_mode="livemax")
