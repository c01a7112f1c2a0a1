import gzip
import random

import pytest

from spectraflow.errors import InputError
from spectraflow.sources import raw_files, sdfile
from spectraflow.sources.sdfile import read_records, split_record


def write(path, text):
    data = text.encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["a.sd", "a.sd.gz"])
def test_records_carry_text_ordinal_and_line(tmp_path, name):
    records = list(read_records(write(tmp_path / name, "one\ntwo\n$$$$\nthree\n$$$$\n")))
    assert [(r.ordinal, r.line, r.text, r.truncated) for r in records] == [
        (1, 1, "one\ntwo\n", False),
        (2, 4, "three\n", False),
    ]


@pytest.mark.parametrize("block", [1, 2, 3, 5, 7, 1000])
def test_block_borders_do_not_matter(tmp_path, monkeypatch, block):
    monkeypatch.setattr(raw_files, "BLOCK_BYTES", block)
    path = write(tmp_path / "a.sd", "one\n$$$$\r\ntwo $$$$\r\n\n$$$$ \n$$$$x\nlast\n$$$$")
    records = list(read_records(path))
    assert [(r.line, r.text) for r in records] == [(1, "one\n"), (3, "two $$$$\n\n"), (6, ""), (7, "last\n")]
    assert not any(r.truncated for r in records)


def test_last_record_without_separator_is_marked(tmp_path):
    records = list(read_records(write(tmp_path / "a.sd", "one\n$$$$\ntwo")))
    assert [(r.text, r.truncated) for r in records] == [("one\n", False), ("two", True)]


def test_trailing_blank_lines_are_no_record(tmp_path):
    assert len(list(read_records(write(tmp_path / "a.sd", "one\n$$$$\n\n  \n")))) == 1


def test_limit_stops_reading(tmp_path):
    assert len(list(read_records(write(tmp_path / "a.sd", "one\n$$$$\n" * 5), limit=3))) == 3


@pytest.mark.parametrize("content", [b"", b"\n \n", gzip.compress(b"")], ids=["empty", "blank", "nothing packed"])
def test_empty_file(tmp_path, content):
    path = tmp_path / "a.sd"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a\.sd: the file (is empty|holds no record)"):
        list(read_records(path))


def test_missing_file(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.sd: cannot be read"):
        list(read_records(tmp_path / "nowhere.sd"))


def test_binary_file(tmp_path):
    path = tmp_path / "a.sd.gz"
    path.write_bytes(b"\x00" + gzip.compress(random.Random(1).randbytes(2000))[1:])
    with pytest.raises(InputError, match="neither text nor gzip"):
        list(read_records(path))


def test_damaged_gzip_says_how_far_it_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr(raw_files, "BLOCK_BYTES", 64)
    path = tmp_path / "a.sd.gz"
    path.write_bytes(gzip.compress(b"one\n$$$$\n" * 1000)[:-4])
    with pytest.raises(InputError, match=r"a\.sd\.gz: damaged gzip file .*; \d+ records were read before"):
        list(read_records(path))


def test_endless_record(tmp_path, monkeypatch):
    monkeypatch.setattr(sdfile, "MAX_RECORD_BYTES", 100)
    with pytest.raises(InputError, match="no record separator"):
        list(read_records(write(tmp_path / "a.sd", "x" * 200)))


def test_properties_in_order_with_several_lines_and_external_number():
    text = "title\n> <not data>\nM  END\n> <A>\n1\n2\n\n>  <B C 0>  (12) \nx;y|\n\n> <A>\n3\n> <empty>\n\n"
    block, properties = split_record(text)
    assert block == "title\n> <not data>\nM  END\n"
    assert properties == [("A", "1\n2"), ("B C 0", "x;y|"), ("A", "3"), ("empty", "")]


def test_record_without_block_end_still_gives_its_properties():
    block, properties = split_record("title\n> <A>\n1\n")
    assert (block, properties) == ("title\n", [("A", "1")])
