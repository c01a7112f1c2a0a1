import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from spectraflow.errors import ChecksumError, InputError, MissingSourceError
from spectraflow.settings import check
from spectraflow.sources.registry import Registry
from spectraflow.sources.retrieve import retrieve_file

CONTENT = b"spectra\n" * 1000
SHA = hashlib.sha256(CONTENT).hexdigest()


def registry(**file):
    source = {"title": "t", "licence": "l", "citation": "c", "homepage": "https://example.org", "folder": "db"}
    return check(Registry, {"sources": {"s": {**source, "files": {"f.txt": file}}}})


class Publisher:
    """A web server that answers the given statuses in turn, then serves CONTENT; `short` cuts the body."""

    def __init__(self, statuses=(), short=0):
        self.statuses, self.short, self.asked = list(statuses), short, []
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                publisher.asked.append(self.path)
                status = publisher.statuses.pop(0) if publisher.statuses else 200
                self.send_response(status)
                self.send_header("Content-Length", str(len(CONTENT) if status == 200 else 0))
                self.end_headers()
                if status == 200:
                    cut, publisher.short = publisher.short, 0
                    self.wfile.write(CONTENT[: len(CONTENT) - cut])

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def mirror(tmp_path):
    folder = tmp_path / "mirror" / "db"
    folder.mkdir(parents=True)
    (folder / "f.txt").write_bytes(CONTENT)
    return tmp_path / "mirror"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "raw" / "f.txt"


def nothing_left(out):
    return not out.parent.exists() or list(out.parent.iterdir()) == []


@pytest.mark.parametrize("as_url", [False, True])
def test_mirror_folder(mirror, out, as_url):
    known = [{"version": "v7", "sha256": SHA, "records": 1000}]
    place = mirror.as_uri() if as_url else str(mirror)
    found = retrieve_file(registry(versions=known), "s", out, mirror=place)
    assert out.read_bytes() == CONTENT
    written = json.loads((out.parent / "f.txt.provenance.json").read_text())
    assert written == found
    assert (found["sha256"], found["bytes"], found["version"], found["verified"]) == (SHA, 8000, "v7", True)
    assert found["expected_records"] == 1000
    assert found["url"].endswith("mirror/db/f.txt")
    assert found["retrieved"]


def test_mirror_comes_before_the_publisher_who_comes_before_despair(mirror, out):
    with Publisher() as publisher:
        settings = registry(url=f"{publisher.url}/f", sha256=SHA)
        retrieve_file(settings, "s", out, mirror=str(mirror))
        assert publisher.asked == []
        retrieve_file(settings, "s", out, mirror=str(mirror / "elsewhere"))
        assert publisher.asked == ["/f"]


def test_mirror_url_layout(out):
    with Publisher() as publisher:
        retrieve_file(registry(sha256=SHA), "s", out, mirror=f"{publisher.url}/data/")
        assert publisher.asked == ["/data/db/f.txt"]


@pytest.mark.parametrize("publisher", [Publisher([503, 500]), Publisher([500], short=10)], ids=["errors", "cut off"])
def test_downloads_are_tried_again(out, publisher):
    with publisher:
        retrieve_file(registry(url=f"{publisher.url}/f", sha256=SHA), "s", out, backoff_s=0.01)
    assert out.read_bytes() == CONTENT
    assert len(publisher.asked) == 3


def test_giving_up_names_everything_tried_and_what_to_do(tmp_path, out):
    with Publisher([500] * 9) as publisher:
        settings = registry(url=f"{publisher.url}/f", note="ask nicely")
        with pytest.raises(MissingSourceError) as caught:
            retrieve_file(settings, "s", out, mirror=str(tmp_path), attempts=2, backoff_s=0.01)
    assert len(publisher.asked) == 2
    for text in (str(tmp_path / "db" / "f.txt"), "no such file", publisher.url, "HTTP 500", "`mirror`", "ask nicely"):
        assert text in str(caught.value)
    assert nothing_left(out)


def test_absent_files_are_not_asked_for_again(out):
    with Publisher([404] * 3) as publisher, pytest.raises(MissingSourceError, match="404"):
        retrieve_file(registry(url=f"{publisher.url}/f"), "s", out)
    assert len(publisher.asked) == 1


def test_no_server(out):
    with Publisher() as publisher:
        url = publisher.url
    with pytest.raises(MissingSourceError, match="refused"):
        retrieve_file(registry(url=f"{url}/f"), "s", out, attempts=1)
    assert nothing_left(out)


def test_neither_mirror_nor_publisher(out):
    with pytest.raises(MissingSourceError, match="no mirror is set and the publisher offers no download"):
        retrieve_file(registry(), "s", out)


@pytest.mark.parametrize("pin", [{"sha256": "0" * 64}, {"versions": [{"version": "v1", "sha256": "0" * 64}]}])
def test_wrong_bytes(mirror, out, pin):
    with pytest.raises(ChecksumError) as caught:
        retrieve_file(registry(**pin), "s", out, mirror=str(mirror))
    for text in ("f.txt", "0" * 64, SHA):
        assert text in str(caught.value)
    assert nothing_left(out)


def test_a_failed_retrieval_leaves_the_former_file(mirror, out):
    out.parent.mkdir()
    out.write_text("former")
    with pytest.raises(ChecksumError):
        retrieve_file(registry(sha256="0" * 64), "s", out, mirror=str(mirror))
    assert out.read_text() == "former"


def test_a_file_the_publisher_replaces_gets_a_warning(out, caplog):
    with Publisher() as publisher:
        known = [{"version": "old", "sha256": "0" * 64}]
        found = retrieve_file(registry(url=f"{publisher.url}/f", versions=known), "s", out)
    assert (found["version"], found["verified"]) == ("unregistered", False)
    assert SHA in caplog.text


def test_empty_file(mirror, out):
    (mirror / "db" / "f.txt").write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        retrieve_file(registry(), "s", out, mirror=str(mirror))
    assert nothing_left(out)
