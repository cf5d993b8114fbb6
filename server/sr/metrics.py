"""What is counted of super-resolution, for Prometheus: items found or made, how long that takes, who waits."""

from prometheus_client import Counter, Gauge, Histogram

REQUESTS = Counter("worldstrat_sr_item_requests", "Times that a tile, crop or file wanted a super-resolved item")
COMPUTED = Counter("worldstrat_sr_items_computed", "Super-resolved items that were computed; the others were cached")
SECONDS = Histogram(
    "worldstrat_sr_upscale_seconds",
    "Seconds from asking a worker for an item to its answer, waiting included",
    buckets=(0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6),
)
WAITING = Gauge(
    "worldstrat_sr_waiting", "Items that a worker is computing or that wait for one", multiprocess_mode="livesum"
)
REFUSED = Counter("worldstrat_sr_refused", "Items refused because the queue was full")
