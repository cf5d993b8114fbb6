"""Names of any script in addresses and in the names of downloads."""

import httpx
from starlette.requests import Request

from server.raster.disposition import disposition
from server.raster.factories import tile_schemes
from server.raster.freshness import ItemRoute
from server.raster.items import create_item_tiles
from server.raster.source import item_source

NAME = "Łódź 50% #1?"


def test_the_address_of_a_tile_can_be_followed_whatever_is_in_a_name() -> None:
    factory = create_item_tiles("/places/{place}", "item", item_source, ItemRoute, tile_schemes())
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": [(b"host", b"a.test")]}
    request = Request(scope | {"scheme": "https", "server": ("a.test", 443), "path_params": {"place": NAME}})
    address = factory.url_for(request, "tile", tileMatrixSetId="WebMercatorQuad", z="{z}", x="{x}", y="{y}")
    assert address.isascii()
    assert address.endswith("/tiles/WebMercatorQuad/{z}/{x}/{y}")
    assert httpx.URL(address).path == f"/places/{NAME}/tiles/WebMercatorQuad/{{z}}/{{x}}/{{y}}"


def test_a_download_has_a_name_that_a_header_can_hold() -> None:
    assert disposition("inline", "Landcover-1_stack.nc") == 'inline; filename="Landcover-1_stack.nc"'
    odd = disposition("attachment", f'{NAME}"\r\n.zip')
    assert odd.isascii()
    assert not set('"\r\n') & set(odd)
