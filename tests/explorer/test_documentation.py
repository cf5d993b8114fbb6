"""The documentation of the API in a real browser: its policy lets it run, and lets it ask nobody else."""

from tests.explorer.browsing import Visitor


def test_the_documentation_shows_every_endpoint_under_its_policy(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.goto(f"{visit.home}/docs")

    endpoints = visit.page.locator(".swagger-ui .opblock")
    endpoints.nth(50).wait_for(state="attached", timeout=60_000)
    assert endpoints.count() > 50
