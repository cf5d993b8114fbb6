"""The documentation of the API in a real browser: its policy lets it run, and lets it ask nobody else."""

from tests.explorer.browsing import Visitor

MOST_TURNS = 60


def test_the_documentation_shows_every_endpoint_under_its_policy(visitor: Visitor) -> None:
    visit = visitor()
    visit.page.goto(f"{visit.home}/docs")
    paths = visit.page.locator(".swagger-ui .opblock-summary-path")
    paths.first.wait_for(timeout=60_000)

    seen: set[str] = set()
    for _ in range(MOST_TURNS):  # it draws what one sees, and a little more
        seen |= set(paths.all_inner_texts())
        if len(seen) > 50:
            break
        visit.page.mouse.wheel(0, 2000)
        visit.page.wait_for_timeout(200)
    assert len(seen) > 50
