"""An item as a search shows it: the fields that were asked for, our links, URLs in place of canonical hrefs."""

import re
from dataclasses import dataclass, replace
from typing import Any, Self
from urllib.parse import urljoin

from stac_fastapi.extensions.fields.request import PostFieldsExtension
from stac_fastapi.pgstac.models.links import INFERRED_LINK_RELS
from stac_fastapi.pgstac.utils import filter_fields
from stac_fastapi.types.requests import get_base_url
from starlette.requests import Request

from server.access.caller import hidden_of
from server.access.described import describe_private, private_of
from server.stac.hrefs import Publisher
from server.stac.links import Link, add_item_links
from server.stac.schema import publish_schema

KEY = frozenset({"id", "collection"})
"""Fields that say which item it is."""

_JSON, _GEOJSON = "application/json", "application/geo+json"
_PLAIN = re.compile(r"(?![/?#])(?!.*(?:^|/)\.)[\w./%-]+$")
"""A relative path that stays below its base."""


@dataclass(frozen=True)
class Shown:
    """How the items of one request are shown."""

    publisher: Publisher
    stac_url: str
    """Outside address of the STAC API, with a slash at its end."""
    include: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()
    """Collections that do not exist for the caller: no link leads there."""
    private: frozenset[str] = frozenset()
    """Collections of which only some see anything: their items say how to be opened."""

    @classmethod
    def of(cls, request: Request, fields: PostFieldsExtension | None = None) -> Self:
        """Return how a request wants its items.

        Args:
            request: gives the address that links begin with, and the store of the assets.
            fields: what to show of each; None shows all.
        """
        include, exclude = (fields.include or (), fields.exclude or ()) if fields else ((), ())
        publisher = Publisher(request.app.state.store, str(request.base_url))
        return cls(
            publisher,
            get_base_url(request),
            frozenset(include),
            frozenset(exclude),
            hidden_of(request),
            private_of(request),
        )

    @property
    def whole(self) -> bool:
        """Whether nothing of an item is left out."""
        return not self.include and not self.exclude

    @property
    def kind(self) -> str:
        """Equal for requests that are shown the same of an item."""
        return " ".join((self.publisher.base_url, *sorted(self.hidden)))

    def with_key(self) -> Self:
        """Return the same, but with what says which item it is."""
        return replace(self, include=self.include | KEY if self.include else self.include, exclude=self.exclude - KEY)

    def publish(self, item: dict[str, Any]) -> dict[str, Any]:
        """Return a whole item as it is shown; what was given is used up."""
        collection, item_id = item["collection"], item["id"]
        shown: dict[str, Any] = filter_fields(item, set(self.include), set(self.exclude))
        if "links" not in self.exclude:
            shown["links"] = self._links(collection, item_id, shown.get("links") or [])
        self.publisher.publish_assets(shown)
        publish_schema(self.publisher.base_url, shown)
        add_item_links(self.publisher.base_url, shown)
        if collection in self.private:
            describe_private(self.publisher.base_url, shown)
        return shown

    def _links(self, collection: str, item_id: str, stored: list[Link]) -> list[Link]:
        own = f"{self.stac_url}collections/{collection}"
        return [
            {"rel": "collection", "type": _JSON, "href": own},
            {"rel": "parent", "type": _JSON, "href": own},
            {"rel": "root", "type": _JSON, "href": self.stac_url},
            {"rel": "self", "type": _GEOJSON, "href": f"{own}/items/{item_id}"},
            *(
                {**link, "href": resolve(self.stac_url, link["href"])}
                for link in stored
                if link["rel"] not in INFERRED_LINK_RELS and not self._is_hidden(link["href"])
            ),
        ]

    def _is_hidden(self, href: str) -> bool:
        return any(f"collections/{name}/" in f"{href}/" for name in self.hidden)


def resolve(base_url: str, href: str) -> str:
    """Return a stored link's address: relative ones begin at the STAC API."""
    # Nearly all are; urljoin() would take longer than everything else about a link.
    return f"{base_url}{href}" if _PLAIN.match(href) else urljoin(base_url, href)
