"""Web pages of the tile endpoints: titiler's own load from other hosts, these from none."""

import jinja2
from starlette.templating import Jinja2Templates

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>{{ template.title }}</title>
<style>body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem } pre { overflow: auto }</style>
<h1>{{ template.title }}</h1>
{% set answer = response.model_dump(exclude_none=True, mode="json") if response.model_dump else response %}
<pre>{{ answer | tojson(indent=2) }}</pre>
</html>
"""

TEMPLATES = Jinja2Templates(
    env=jinja2.Environment(autoescape=True, loader=jinja2.FunctionLoader(lambda name: _PAGE if name else None))
)
"""Shows any answer as readable JSON, whatever page is asked for."""
