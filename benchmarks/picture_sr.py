"""Pictures of one place as tiles give it, plain and super-resolved: `python benchmarks/picture_sr.py --url http://localhost:8000`.

Works with any server of ours that has an item of Sentinel-2; the pictures in docs/ are of real pixels.
"""

import io
from pathlib import Path
from typing import Any

import click
import httpx
import morecantile
from PIL import Image, ImageDraw, ImageFont

COLLECTION = "worldstrat-sentinel-2-l2a"
NDVI = {"expression": "(nir-red)/(nir+red)", "rescale": "-1,1", "colormap_name": "rdylgn"}
Panel = tuple[str, str, dict[str, Any]]
"""What a tile is called, where it is, and what is asked of it."""

_TMS = morecantile.tms.get("WebMercatorQuad")
_CAPTION, _GAP, _FONT = 24, 6, 15


@click.command(help=__doc__)
@click.option("--url", default="http://localhost:8000", show_default=True, help="Address of the server.")
@click.option("--aoi", help="Place; the first that has several dates unless given.")
@click.option("--zoom", type=click.IntRange(12, 18), default=16, show_default=True, help="Zoom of the tile.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("docs/images"), show_default=True, help="Folder.")
def main(url: str, aoi: str | None, zoom: int, out: Path) -> None:
    """Fetch the tiles and put them side by side."""
    with httpx.Client(base_url=url, timeout=60) as http:
        place = f"/raster/collections/{COLLECTION}/aois/{aoi or find_place(http)}"
        item, tile = find_tile(http, place, zoom)
        one = f"/raster/collections/{COLLECTION}/items/{item}"
        ndvi: list[Panel] = [
            ("10 m", one, {}),
            ("2.5 m, one date", f"{one}/sr", {}),
            ("2.5 m, all dates", f"{place}/sr", {}),
        ]
        colour: list[Panel] = [
            *ndvi[:1],
            ("bicubic", f"{one}/sr", {"method": "bicubic"}),
            *ndvi[1:],
            ("uncertainty, one date", f"{one}/sr", {"layer": "uncertainty"}),
        ]
        save(http, tile, [(name, base, NDVI | query) for name, base, query in ndvi], out / "super-resolution-ndvi.webp")
        save(http, tile, colour, out / "super-resolution-colour.webp")


def find_place(http: httpx.Client) -> str:
    """Return the first place of which several dates go together."""
    body = {"collections": [COLLECTION], "limit": 500, "fields": {"include": ["properties.worldstrat:aoi"]}}
    found = http.post("/stac/search", json=body).raise_for_status().json()["features"]
    names: set[str] = {item["properties"]["worldstrat:aoi"] for item in found}
    for name in sorted(names):
        if http.get(f"/raster/collections/{COLLECTION}/aois/{name}/sr/assets").is_success:
            return name
    raise click.ClickException("No place of this catalog has two dates that go together.")


def find_tile(http: httpx.Client, place: str, zoom: int) -> tuple[str, morecantile.Tile]:
    """Return the reference of a place's common image, and the tile in its middle."""
    answer = http.get(f"{place}/sr/WebMercatorQuad/tilejson.json").raise_for_status()
    west, south, east, north = answer.json()["bounds"]
    return answer.headers["WorldStrat-Reference"], _TMS.tile((west + east) / 2, (south + north) / 2, zoom)


def save(http: httpx.Client, tile: morecantile.Tile, panels: list[Panel], file: Path) -> None:
    """Write tiles side by side with what they are above each."""
    font = ImageFont.load_default(_FONT)
    pictures = [_fetch(http, base, query, tile) for _, base, query in panels]
    width, height = pictures[0].size
    sheet = Image.new("RGB", (len(panels) * (width + _GAP) - _GAP, height + _CAPTION), "white")
    for column, ((name, _, _), picture) in enumerate(zip(panels, pictures, strict=True)):
        left = column * (width + _GAP)
        ImageDraw.Draw(sheet).text((left + 2, 2), name, fill="black", font=font)
        sheet.paste(picture, (left, _CAPTION), picture)
    sheet.save(file, quality=90, method=6)
    click.echo(f"{file}: {file.stat().st_size:,} bytes")


def _fetch(http: httpx.Client, base: str, query: dict[str, Any], tile: morecantile.Tile) -> Image.Image:
    address = f"{base}/tiles/WebMercatorQuad/{tile.z}/{tile.x}/{tile.y}.png"
    answer = http.get(address, params={"tilesize": 320, **query}).raise_for_status()
    return Image.open(io.BytesIO(answer.content)).convert("RGBA")


if __name__ == "__main__":
    main()
