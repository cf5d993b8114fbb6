"""The application: what is served where."""

import os
from importlib.metadata import version
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette_cramjam.compression import Compression
from starlette_cramjam.middleware import CompressionMiddleware

from catalog.memory import tune_malloc
from server.access.door import Door
from server.access.middleware import AccessMiddleware
from server.access.routes import add_access
from server.access.rules import check_routes
from server.access.settings import load_access
from server.errors import add_error_handlers
from server.guards import BodyLimitMiddleware
from server.headers import create_headers
from server.health import health_router
from server.lifespan import build_lifespan
from server.limits.rates import RateLimitMiddleware
from server.limits.settings import LimitSettings
from server.limits.turns import Turnstiles, create_turnstiles
from server.limits.work import WorkMiddleware
from server.observe.exposition import add_metrics
from server.observe.logs import configure_logging
from server.observe.requests import RequestMiddleware
from server.observe.settings import ObserveSettings
from server.openapi import DocumentedApi
from server.pages import add_pages
from server.proxy import ProxyMiddleware
from server.raster.routes import add_items, add_raster
from server.settings import ServerSettings, load_settings
from server.sr.routes import add_superresolution
from server.stac.api import add_stac
from server.stac.assets import assets_router
from server.stac.schema import schema_router

TITLE = "WorldStrat data server"
DESCRIPTION = """\
WorldStrat is nearly 4,000 places on Earth, each seen once by SPOT 6/7 at 1.5 m and up to 16 times by Sentinel-2 at
10 m.

* **STAC API** (`/stac`): find images by place, date, land use, source or split. For pystac-client, odc-stac, QGIS.
* **Raster** (`/raster`): map tiles, previews, crops and statistics of any image or of many together.
* **Super-resolution** (`sr/` below every Sentinel-2 item and place): the same at 2.5 m, synthetic and labelled so.
* **Assets** (`/assets`): the Cloud-Optimized GeoTIFFs themselves, whole or by HTTP range.

The catalog is filled by `worldstrat ingest`; here only those who have a key or token can add to it, and only
super-resolved images. A search of the STAC API and a look at a
mosaic leave no trace; the conditions of a mosaic that you register are kept in the database.
"""
_PICTURES = {"image/png", "image/jpeg", "image/webp", "image/gif", "image/tiff", "image/tiff; application=geotiff"}
# Stacks of dates, some compressed within; a hundred megabytes of numbers would keep the event loop busy.
_STACKS = {"application/x-npy", "application/netcdf", "application/zip"}
BINARY = _PICTURES | _STACKS
# Ranges and a compressed body exclude each other; the page's own scripts below static/assets are text.
UNCOMPRESSED_PATHS = {r"(?!.*/static/).*/assets/.*"}


def create_app(settings: ServerSettings) -> FastAPI:
    """Return the application of these settings; it connects when it starts, not here."""
    limits = LimitSettings()
    turnstiles = create_turnstiles(limits)
    door = Door(load_access(), settings.signing_secret)
    app = DocumentedApi(
        title=TITLE,
        description=DESCRIPTION,
        version=version("worldstrat"),
        license_info={"name": "Apache-2.0"},
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        # Its own spans hold paths and queries, and begin where a stranger says.
        telemetry={"tracing": False, "metrics": False, "logs": False},
        lifespan=build_lifespan(settings),
        middleware=_middleware(settings, limits, turnstiles, door),
    )
    app.state.turnstiles = turnstiles
    add_stac(app, settings)
    # Routes are tried in this order, a hundred in half a millisecond: those of a map's tiles come before the others.
    add_items(app)
    add_superresolution(app, settings)
    add_raster(app)
    app.include_router(assets_router(settings))
    app.include_router(schema_router)
    app.include_router(health_router)
    add_metrics(app, ObserveSettings())
    add_access(app, door)
    add_pages(app, settings)
    add_error_handlers(app)
    check_routes(app.routes)
    return app


def create_app_from_environment() -> FastAPI:
    """Return the application as the environment describes it: `uvicorn --factory` calls this in each worker."""
    configure_logging(ObserveSettings())
    # What a tile takes is kept, what a stack takes is given back: forty threads would each keep the largest they had.
    tune_malloc(largest_kept=1 << 20, most_kept=16 << 20, arenas=2)
    return create_app(load_settings(Path(os.environ.get("WORLDSTRAT_DATA", "worldstrat-data"))))


def _middleware(
    settings: ServerSettings, limits: LimitSettings, turnstiles: Turnstiles, door: Door
) -> list[Middleware]:
    """Return what wraps every request, the outermost first."""
    rates = [Middleware(RateLimitMiddleware, settings=limits)] if limits.rates else []
    return [
        Middleware(ProxyMiddleware, root_path=settings.root_path, trusted=settings.trusted_proxies),
        Middleware(RequestMiddleware),
        *create_headers(settings),
        Middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts, www_redirect=False),
        Middleware(
            CompressionMiddleware,
            compression=[Compression.br, Compression.gzip],
            compression_level=4,
            exclude_path=UNCOMPRESSED_PATHS,
            exclude_mediatype=BINARY,
        ),
        Middleware(AccessMiddleware, door=door),
        *rates,
        Middleware(BodyLimitMiddleware, max_body=settings.max_body),
        Middleware(WorkMiddleware, turnstiles=turnstiles),
    ]
