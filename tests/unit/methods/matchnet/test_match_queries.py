"""A user's own questions: what is read, and what becomes of what cannot be."""

import pytest

from spectraflow.errors import InputError
from spectraflow.methods.matchnet.match_queries import read_match_queries
from spectraflow.methods.matchnet.settings import NUCLEI, RenderingSettings

HEADER = "query_id,smiles,proton_ppm,carbon_ppm"


@pytest.fixture
def read(tmp_path):
    def one(text, nuclei=NUCLEI, header=HEADER):
        path = tmp_path / "queries.csv"
        path.write_text(f"{header}\n{text}\n", encoding="utf-8")
        return read_match_queries(path, nuclei, RenderingSettings())

    return one


@pytest.mark.parametrize(
    "shifts",
    [
        "1.22x3;2.61;3.69x2",
        "3.69x2 1.22x3  2.61",
        "1.22x3; 2.61 ;3.69x2;",
        '"1.22x3, 2.61, 3.69x2"',
        "1.22x2;1.22;2.61;3.69x2",
    ],
)
def test_shifts_may_be_written_in_several_ways(read, shifts):
    (query,) = read(f"q,CCO,{shifts},18.2;57.9")
    assert query.problem is None
    assert query.lines["1H"].ppm.tolist() == [1.22, 2.61, 3.69]
    assert query.lines["1H"].area.tolist() == [3, 1, 2]
    assert query.lines["13C"].ppm.tolist() == [18.2, 57.9]
    assert query.molecule["element"] == [0, 0, 2]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("q,C(C,1.2,18.2", "'C(C' cannot be read as a SMILES"),
        ("q,,1.2,18.2", "no SMILES"),
        ("q,C.CC,1.2,18.2", "'C.CC' has several fragments"),
        ("q,CCO,,18.2", "no 1H shifts"),
        ("q,CCO,1.2,", "no 13C shifts"),
        ("q,CCO,1.2", "no 13C shifts"),
        ("q,CCO,20.5;30,18.2", "no 1H shift lies between -2 and 12.05 ppm"),
        ("q,CCO,1.2;abc,18.2", "1H: 'abc' is no shift, such as 7.26 or 7.26x2"),
        ('q,CCO,"1,2",18.2', "1H: '1,2' is no shift, such as 7.26 or 7.26x2"),
        ("q,CCO,1.2xa,18.2", "1H: '1.2xa' is no shift, such as 7.26 or 7.26x2"),
        ("q,CCO,x3,18.2", "1H: 'x3' is no shift, such as 7.26 or 7.26x2"),
        ("q,CCO,nan,18.2", "1H: 'nan' is an impossible shift or number of nuclei"),
        ("q,CCO,1.2,1e300", "13C: '1e300' is an impossible shift or number of nuclei"),
        ("q,CCO,1.2x0,18.2", "1H: '1.2x0' is an impossible shift or number of nuclei"),
        ("q,CCO,1.2xinf,18.2", "1H: '1.2xinf' is an impossible shift or number of nuclei"),
        ("q,CCO,1.2,18.2,57.9", "more fields than columns: put shifts that are separated by commas in quotes"),
    ],
)
def test_what_cannot_be_used_says_why(read, row, problem):
    good, bad = read(f"first,CCO,1.2,18.2\n{row}")
    assert good.problem is None
    assert bad.query_id == "q"
    assert bad.problem == problem


def test_a_spectrum_that_the_model_does_not_read_may_be_missing(read):
    (query,) = read("q,CCO,18.2;57.9", nuclei=["13C"], header="query_id,smiles,carbon_ppm")
    assert query.problem is None
    assert list(query.lines) == ["13C"]


def test_columns_may_stand_in_any_order_behind_a_byte_order_mark(read):
    (query,) = read("18.2,CCO,note,1.2,q", header="\ufeffcarbon_ppm,smiles,remark,proton_ppm,query_id")
    assert (query.query_id, query.smiles, query.problem) == ("q", "CCO", None)


@pytest.mark.parametrize(
    ("text", "header", "message"),
    [
        ("q,CCO", "query_id,smiles", r"queries\.csv: lacks the column\(s\) proton_ppm, carbon_ppm"),
        ("", HEADER, "holds no query"),
        ('q,"CCO,1.2,18.2', HEADER, "is not CSV"),
    ],
)
def test_files_that_are_no_use_as_a_whole(read, text, header, message):
    with pytest.raises(InputError, match=message):
        read(text, header=header)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.csv: cannot be read"):
        read_match_queries(tmp_path / "absent.csv", NUCLEI, RenderingSettings())
