import numpy as np
import pytest

from spectraflow.errors import InputError
from spectraflow.files import read_json
from spectraflow.retrieval.isomers import pool_isomers, published_formulas, rank_isomers
from spectraflow.retrieval.settings import IsomerSettings
from spectraflow.tables import ALIGNMENT, ISOMER_SCORES, SPLITS, TableWriter, read_table

# Ten butanols and their like (C4H10O): butan-2-ol twice as mirror images; two C3H8O.
SMILES = {
    "m:0": "CCCCO",
    "m:1": "CC[C@H](C)O",
    "m:2": "CC[C@@H](C)O",
    "m:3": "CC(C)CO",
    "m:4": "CC(C)(C)O",
    "m:5": "CCOCC",
    "m:6": "COCCC",
    "m:7": "COC(C)C",
    "m:8": "CCCO",
    "m:9": "CC(C)O",
}
BUTANOLS = {"m:0", "m:1", "m:3", "m:4", "m:5", "m:6", "m:7"}


@pytest.fixture
def files(tmp_path, molecules_table):
    with TableWriter(tmp_path / "alignment.parquet", ALIGNMENT) as writer:
        names = list(SMILES)
        blocks = [f"{number:014d}" for number in (0, 1, 1, *range(3, 10))]
        writer.write_rows(
            [
                {"molecule_id": n, "spectrum_id": f"{n}/13C/0", "first_block": b}
                for n, b in zip(names, blocks, strict=True)
            ]
        )
    published = tmp_path / "published.csv"
    published.write_text("experiment,setting\nisomers,formula=C3H8O;n=2\nisomers,formula=all\nvalidation,formula=CO\n")
    return tmp_path / "alignment.parquet", molecules_table(SMILES), published


def write_split(path, test):
    with TableWriter(path, SPLITS) as writer:
        writer.write_rows([{"molecule_id": n, "part": "test" if n in test else "train"} for n in SMILES])
    return path


def perfect(queries, members):
    """A score that is right but for mirror images, which the members do not hold."""
    same = np.where(queries == 2, 1, queries)
    return (same[:, None] == members).astype(float)


def rank(folder, files, test, score=perfect, least=5):
    alignment, molecules, published = files
    folder.mkdir()
    split = write_split(folder / "split.parquet", test)
    scores, metrics = folder / "isomer_scores.parquet", folder / "isomers.json"
    rank_isomers(IsomerSettings(least_members=least), score, alignment, molecules, split, published, scores, metrics)
    return scores, read_json(metrics)


def test_published_formulas_are_read_from_the_table(files):
    assert published_formulas(files[2]) == {"C3H8O"}


def test_unusable_table_of_published_numbers_is_named(tmp_path):
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv"):
        published_formulas(tmp_path / "other.csv")


def test_real_table_holds_the_ten_published_formulas(request):
    formulas = published_formulas(request.config.rootpath / "resources" / "published.csv")
    assert len(formulas) == 10
    assert "C11H14" in formulas


def test_queries_meet_all_listed_isomers_and_those_of_the_fold(tmp_path, files):
    scores, found = rank(tmp_path / "run", files, {"m:0", "m:1", "m:2", "m:8"})
    metrics = found["metrics"]
    assert metrics["isomers/listed/rank1"] == {"value": 1.0, "low": 1.0, "high": 1.0, "n": 2}
    assert metrics["isomers/published/rank1"]["n"] == metrics["isomers/C3H8O/one_to_one"]["n"] == 1
    assert "isomers/fold/rank1" not in metrics
    listed = {group["formula"]: group for group in found["groups"]}
    assert listed["C4H10O"]["members"] == 7
    assert (listed["C4H10O"]["published"], listed["C3H8O"]["published"]) == (False, True)
    assert listed["C4H10O"]["seen"] == 5
    table = read_table(scores, ISOMER_SCORES).to_pylist()
    assert {row["candidate_id"] for row in table if row["formula"] == "C4H10O"} == BUTANOLS
    assert sum(row["truth"] for row in table) == 3


def test_groups_of_the_fold_hold_its_molecules_alone(tmp_path, files):
    _, found = rank(tmp_path / "run", files, {"m:0", "m:1", "m:2", "m:3", "m:8"}, least=3)
    (group,) = [one for one in found["groups"] if one["scope"] == "fold"]
    assert (group["formula"], group["members"], group["seen"]) == ("C4H10O", 3, 0)


def test_molecule_without_description_is_named(tmp_path, files, molecules_table):
    alignment, _, published = files
    molecules = molecules_table({name: smiles for name, smiles in SMILES.items() if name != "m:4"})
    with pytest.raises(InputError, match="lacks m:4"):
        rank(tmp_path / "run", (alignment, molecules, published), {"m:0"})


def test_split_without_test_part_is_refused(tmp_path, files):
    with pytest.raises(InputError, match="test part"):
        rank(tmp_path / "run", files, set())


def pooled(tmp_path, files, scores, least=5):
    pool_isomers(IsomerSettings(least_members=least), files[2], scores, tmp_path / "pooled.json")
    return read_json(tmp_path / "pooled.json")


def test_pooled_folds_ask_every_molecule_once_and_assign_whole_groups(tmp_path, files):
    folds = [{"m:0", "m:1", "m:3", "m:8"}, {"m:2", "m:4", "m:5", "m:6", "m:7", "m:9"}]

    def alike(queries, members):
        return perfect(queries, members) + 2.0 * (queries[:, None] == 0) * (members == 3)

    scores = [rank(tmp_path / f"fold{n}", files, fold, alike)[0] for n, fold in enumerate(folds)]
    found = pooled(tmp_path, files, scores)
    listed = found["metrics"]["isomers/listed/rank1"]
    assert (listed["n"], listed["value"]) == (7, pytest.approx(6 / 7))
    # The wrong answer of one query takes another's molecule away: both orders have the same total but for 2 - 1.
    assert found["metrics"]["isomers/listed/one_to_one"]["value"] == pytest.approx(5 / 7)
    assert found["runs"] == ["fold0", "fold1"]
    (group,) = [one for one in found["groups"] if one["formula"] == "C4H10O"]
    assert group["queries"] == group["members"] == 7


def test_one_file_pooled_is_itself(tmp_path, files):
    scores, alone = rank(tmp_path / "run", files, {"m:0", "m:2", "m:4", "m:8"})
    together = pooled(tmp_path, files, [scores])
    same = {name for name in together["metrics"] if not name.endswith("one_to_one")}
    assert {n: together["metrics"][n] for n in same} == {n: alone["metrics"][n] for n in same}


def test_runs_with_other_candidates_are_refused(tmp_path, files):
    scores = [rank(tmp_path / str(n), files, {test})[0] for n, test in enumerate(("m:0", "m:4"))]
    table = read_table(scores[1], ISOMER_SCORES)
    kept = [row for row in table.to_pylist() if row["candidate_id"] != "m:6"]
    with TableWriter(scores[1], ISOMER_SCORES) as writer:
        writer.write_rows(kept)
    with pytest.raises(InputError, match="other candidates of C4H10O"):
        pooled(tmp_path, files, scores)
