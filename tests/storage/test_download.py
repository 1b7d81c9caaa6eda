"""Downloads that break, stall or meet strange servers go on where they were."""

import time

import pytest

from flowers_jax.storage import download, fetch
from tests.storage.site import CONTENT, DIGEST, HALF, NAME, WHOLE, Fault


@pytest.mark.parametrize("chunked", [False, True], ids=["plain", "chunked"])
@pytest.mark.parametrize("at", [1, HALF, WHOLE - 1])
def test_a_broken_connection_goes_on_where_it_was(site, partial, at, chunked):
    site.chunked, site.faults = chunked, [Fault("break", at)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, at), (f"bytes={at}-", WHOLE - at)]
    assert not partial.exists()


def test_a_connection_that_breaks_before_the_first_byte(site):
    site.faults = [Fault("break", 0)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, 0), (None, WHOLE)]


def test_a_reset_connection_goes_on_too(site):
    site.faults = [Fault("reset", HALF)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    (_, (asked, rest)) = site.sent()
    assert (asked, rest) == (f"bytes={WHOLE - rest}-" if rest < WHOLE else None, rest)


def test_breaks_in_a_row_end_the_call_and_the_next_one_goes_on(site, partial):
    site.faults = [Fault("break", 1000)] * (1 + download.RETRIES)
    words = r"http://127.*broke at 4,000 of 1,048,591 bytes; 4,000 bytes lie in .*\.partial, and the next run goes on"
    with pytest.raises(fetch.FetchError, match=words) as caught:
        fetch.from_url(site.url, NAME, DIGEST)
    assert "\n" not in str(caught.value)
    assert [asked for asked, _ in site.sent()] == [None, "bytes=1000-", "bytes=2000-", "bytes=3000-"]
    assert partial.read_bytes() == CONTENT[:4000] and not (fetch.cache_dir() / NAME).exists()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent()[-1] == ("bytes=4000-", WHOLE - 4000)


def test_an_unreachable_site_says_what_is_kept(partial):
    partial.write_bytes(CONTENT[:HALF])
    with pytest.raises(fetch.FetchError, match=f"refused.*; {HALF:,} bytes lie in"):
        fetch.from_url("http://127.0.0.1:9/", NAME, DIGEST)
    assert partial.read_bytes() == CONTENT[:HALF]


def test_a_stall_is_a_break(site, monkeypatch):
    monkeypatch.setattr(download, "STALL_SECONDS", 0.3)
    site.faults = [Fault("stall", HALF)]
    began = time.monotonic()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert 0.3 <= time.monotonic() - began < 10
    assert site.sent() == [(None, HALF), (f"bytes={HALF}-", WHOLE - HALF)]


def test_a_server_that_leaves_the_connection_open_is_not_waited_for(site):
    site.faults = [Fault("stall", WHOLE)]
    began = time.monotonic()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert time.monotonic() - began < 10 and site.sent() == [(None, WHOLE)]


def test_a_server_without_ranges_sends_everything_again(site, partial):
    site.ranges = False
    partial.write_bytes(b"other" * 100)
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [("bytes=500-", WHOLE)]


def test_an_answer_with_another_range_starts_again(site, partial):
    partial.write_bytes(CONTENT[:HALF])
    site.faults = [Fault("other range", WHOLE)]
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={HALF}-", WHOLE - HALF), (None, WHOLE)]


@pytest.mark.parametrize("size", [HALF, WHOLE])
def test_a_partial_file_of_other_content_is_discarded_and_the_next_try_is_clean(site, partial, size):
    partial.write_bytes(b"x" * size)
    with pytest.raises(fetch.FetchError, match=r"SHA-256 .* discarded"):
        fetch.from_url(site.url, NAME, DIGEST)
    assert not partial.exists() and not (fetch.cache_dir() / NAME).exists()
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={size}-", WHOLE - size), (None, WHOLE)]


@pytest.mark.parametrize("says_total", [True, False])
def test_416_to_a_partial_file_that_is_too_long_starts_again(site, partial, says_total):
    site.says_total = says_total
    partial.write_bytes(CONTENT + b"x")
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(f"bytes={WHOLE + 1}-", 0), (None, WHOLE)]


def test_416_because_nothing_is_missing(site):
    site.chunked, site.faults = True, [Fault("break", WHOLE)]  # before the chunk that ends the body
    assert fetch.from_url(site.url, NAME, DIGEST).read_bytes() == CONTENT
    assert site.sent() == [(None, WHOLE), (f"bytes={WHOLE}-", 0)]


def test_a_complete_partial_file_needs_no_connection(partial):
    partial.write_bytes(CONTENT)
    assert fetch.from_url("http://127.0.0.1:9/", NAME, DIGEST).read_bytes() == CONTENT
    assert not partial.exists()


def test_only_the_servers_no_is_final(site):
    site.faults = [Fault("error", 503), Fault("break", HALF), Fault("error", 403)]
    with pytest.raises(fetch.FetchError, match=f"Forbidden; {HALF:,} bytes lie in"):
        fetch.from_url(site.url, NAME, DIGEST)
    assert site.faults == [] and site.sent() == [(None, HALF)]


def test_the_bar_counts_what_was_there(site, partial, monkeypatch):
    bars, bar = [], download.Bar
    monkeypatch.setattr(download, "Bar", lambda *given, **more: bars.append((*given, more)) or bar(*given, **more))
    partial.write_bytes(CONTENT[:HALF])
    fetch.from_url(site.url, NAME, DIGEST)
    assert bars == [(NAME, WHOLE, {"unit": "B", "done": HALF})]
