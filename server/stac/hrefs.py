"""From the canonical hrefs of the catalog to URLs that a client can open, and links to the tiles."""

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from catalog.objects import ObjectStore

ALTERNATE_ASSETS = "https://stac-extensions.github.io/alternate-assets/v1.2.0/schema.json"
# What quote() leaves as it is; asking it costs ten times as much, for every asset of every item.
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*")


@dataclass(frozen=True)
class Publisher:
    """Rewrites STAC objects for one request."""

    store: ObjectStore
    """The store whose canonical hrefs the catalog holds."""
    base_url: str
    """The server's outside address, with a slash at its end."""

    def publish_assets(self, thing: dict[str, Any]) -> None:
        """Give the assets of an item or a collection URLs of this server, in place.

        What the `fields` extension left out stays out: an asset without `href` is not touched.
        """
        assets = thing.get("assets")
        if not isinstance(assets, dict):
            return
        alternates = [self._publish_asset(asset) for asset in assets.values() if isinstance(asset, dict)]
        if any(alternates) and "stac_extensions" in thing:
            thing["stac_extensions"] = [*thing["stac_extensions"], ALTERNATE_ASSETS]

    def asset_url(self, key: str) -> str:
        """Return the URL of the object `key` on this server."""
        return f"{self.base_url}assets/{key if _PLAIN.fullmatch(key) else quote(key)}"

    def _publish_asset(self, asset: dict[str, Any]) -> bool:
        """Rewrite one asset; True where the canonical href became an alternate.

        A `file://` href is a path on the server's own disk: of no use elsewhere, and nobody's business.
        """
        href = asset.get("href")
        key = self.store.key(href) if isinstance(href, str) else None
        if key is None:
            return False
        asset["href"] = self.asset_url(key)
        if not self.store.url.startswith("s3://"):
            return False
        asset["alternate"] = {**asset.get("alternate", {}), "s3": {"href": href}}
        return True
