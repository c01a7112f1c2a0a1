import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.search import shards
from spectraflow.search.shards import Shard, open_shards, shard_rows, write_shard


def pieces(values, size):
    for start in range(0, len(values), size):
        yield [f"m:{row}" for row in range(start, min(start + size, len(values)))], values[start : start + size]


@pytest.mark.parametrize(("total", "count"), [(10, 3), (2, 5), (0, 2), (663_022, 6)])
def test_shares_cover_the_library_once(total, count):
    parts = [shard_rows(total, number, count) for number in range(count)]
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, total)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize("size", [1, 4, 7, 100])
def test_rows_return_whatever_the_pieces(tmp_path, monkeypatch, size):
    monkeypatch.setattr(shards, "BATCH_ROWS", 7)
    values = np.random.default_rng(0).normal(size=(23, 5)).astype(np.float32)
    write_shard(tmp_path / "s.arrow", 5, range(100, 123), 200, pieces(values, size))
    shard = Shard.open(tmp_path / "s.arrow")
    assert (shard.rows, shard.total, shard.width) == (range(100, 123), 200, 5)
    assert [span.stop - span.start for span, _ in shard.matrices()] == [7, 7, 7, 2]
    np.testing.assert_array_equal(np.concatenate([matrix for _, matrix in shard.matrices()]), values)
    assert [name for _, ids in shard.id_batches() for name in ids.to_pylist()] == [f"m:{row}" for row in range(23)]
    wanted = np.array([122, 100, 107, 106, 100])
    np.testing.assert_array_equal(shard.take(wanted), values[wanted - 100])


def test_matrices_are_views_of_the_file(tmp_path):
    write_shard(tmp_path / "s.arrow", 5, range(6), 6, pieces(np.ones((6, 5), np.float32), 6))
    ((_, matrix),) = Shard.open(tmp_path / "s.arrow").matrices()
    assert not matrix.flags.owndata
    assert not matrix.flags.writeable


def test_lost_rows_are_noticed_and_leave_no_file(tmp_path):
    with pytest.raises(InputError, match="5 embeddings for 6 rows"):
        write_shard(tmp_path / "s.arrow", 5, range(6), 6, pieces(np.ones((5, 5), np.float32), 6))
    assert not list(tmp_path.iterdir())


def test_shards_must_be_one_library(tmp_path):
    paths = [tmp_path / f"{number}.arrow" for number in range(3)]
    for number, path in enumerate(paths):
        part = shard_rows(10, number, 3)
        write_shard(path, 5, part, 10, pieces(np.ones((len(part), 5), np.float32), 6))
    assert [shard.rows.start for shard in open_shards(paths[::-1])] == [0, 3, 6]
    with pytest.raises(InputError, match="starts at row 6, where row 3"):
        open_shards([paths[0], paths[2]])
    with pytest.raises(InputError, match="has 10 rows, the shards given 6"):
        open_shards(paths[:2])
    with pytest.raises(InputError, match="starts at row 0"):
        open_shards([paths[0], paths[0]])
    write_shard(paths[2], 6, range(6, 10), 10, pieces(np.ones((4, 6), np.float32), 6))
    with pytest.raises(InputError, match="not of the same library"):
        open_shards(paths)


def test_other_files_are_no_shards(tmp_path):
    (tmp_path / "x.arrow").write_bytes(b"ARROW1 or not")
    with pytest.raises(InputError, match="not a readable shard"):
        Shard.open(tmp_path / "x.arrow")
    with pytest.raises(InputError, match="no such shard"):
        Shard.open(tmp_path / "y.arrow")
