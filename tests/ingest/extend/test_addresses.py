"""Which hrefs of strangers are read, and which would have this machine ask its own network."""

import pytest

from ingest.extend.addresses import Reach
from ingest.extend.errors import RevisitError
from ingest.extend.search import BoundedIO

OUTSIDE = Reach("api.example.org")
INSIDE = Reach("10.0.0.1", inside=True)


@pytest.mark.parametrize(
    "href",
    [
        "https://8.8.8.8/B04.tif?sig=a%2Fb",
        "http://1.1.1.1:8080/B04.jp2",
        "s3://sentinel-cogs/sentinel-s2-l2a-cogs/33/B04.tif",
        "https://[2001:4860:4860::8888]/B04.tif",
    ],
)
def test_what_lies_on_the_internet_is_read(href: str) -> None:
    OUTSIDE.check(href)
    INSIDE.check(href)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "10.0.0.1",
        "192.168.1.1",
        "172.16.0.1",
        "100.64.0.1",
        "[fd00::1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "127.0.0.1:8000",
    ],
)
def test_an_api_of_the_internet_leads_nowhere_inside(host: str) -> None:
    with pytest.raises(RevisitError, match="which is not on the internet"):
        OUTSIDE.check(f"https://{host}/B04.tif")


@pytest.mark.parametrize("host", ["127.0.0.1:9000", "10.0.0.2", "localhost", "[::1]"])
def test_an_api_of_ones_own_network_leads_to_it(host: str) -> None:
    assert Reach.of("http://127.0.0.1:8000/stac").inside
    INSIDE.check(f"http://{host}/B04.tif")


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "168.63.129.16",
        "100.100.100.200",
        "224.0.0.1",
        "[::]",
        "2852039166",
    ],
)
def test_nobody_leads_to_what_a_cloud_tells_its_machines(host: str) -> None:
    for reach in (OUTSIDE, INSIDE):
        with pytest.raises(RevisitError, match="which is not on the internet"):
            reach.check(f"http://{host}/latest/meta-data/")


@pytest.mark.parametrize(
    "href",
    [
        "file:///etc/passwd",
        "/etc/passwd",
        "ftp://8.8.8.8/a.tif",
        "gopher://8.8.8.8/a.tif",
        "/vsicurl/http://8.8.8.8/a.tif",
        "http:///a.tif",
        "http://8.8.8.8:0/a.tif",
        "http://8.8.8.8:99999/a.tif",
        "http://[::1/a.tif",
        "http://me:secret@8.8.8.8/a.tif",
        "http://8.8.8.8\\@127.0.0.1/a.tif",
        "http://8.8.8.8/a b.tif",
        "http://8.8.8.8/a\r\nX: 1",
        "http://8.8.8.8/" + "a" * 9000,
        "s3://127.0.0.1#/a.tif",
        "s3:///a.tif",
        "s3://a:b@c/a.tif",
        "",
    ],
)
def test_what_no_honest_item_has_is_refused(href: str) -> None:
    for reach in (OUTSIDE, INSIDE):
        with pytest.raises(RevisitError):
            reach.check(href)


def test_a_secret_of_an_address_is_not_told() -> None:
    with pytest.raises(RevisitError) as error:
        OUTSIDE.check("https://127.0.0.1/a.tif?sig=secret")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize("link", ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/next", "next.json"])
def test_links_of_an_api_open_no_file_and_lead_nowhere_inside(link: str) -> None:
    with pytest.raises(RevisitError):
        BoundedIO(OUTSIDE, None).read_text(link)
    with pytest.raises(RevisitError):
        BoundedIO(OUTSIDE, None).request(link)
