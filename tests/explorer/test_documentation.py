"""The documentation of the API in a real browser: its policy lets it run, and lets it ask nobody else."""

from tests.explorer.browsing import Visitor


def test_the_documentation_shows_every_endpoint_under_its_policy(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.goto(f"{visit.home}/docs")

    every = "document.querySelectorAll('.swagger-ui .opblock').length > 50"
    assert visit.page.wait_for_function(every, timeout=60_000).json_value() is True
