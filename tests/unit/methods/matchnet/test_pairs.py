from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from spectraflow.errors import InputError
from spectraflow.evaluation.matching import matching_metrics
from spectraflow.files import read_json
from spectraflow.methods.matchnet.pair_molecules import spectrum_codes
from spectraflow.methods.matchnet.pairs import OWN_SETS, make_pairs
from spectraflow.methods.matchnet.settings import PairSettings
from spectraflow.tables import LISTED_PAIRS, MATCHING_SPECTRA, PAIRS, RENDERED, SPLITS, TableWriter, read_table

COLUMNS = ("proton_high", "proton_low", "carbon_high", "carbon_low")
SIZES = {"train": 40, "val": 12, "test": 30}
TWINS = (("x:01", "x:02"), ("x:50", "x:51"), ("x:60", "x:61"))
"""Molecules with identical spectra."""


@dataclass
class Inputs:
    """82 molecules of six families: 40 to train on, 12 for validation, 30 for tests; as rows that a test may change."""

    folder: Path
    spectra: list[dict]
    rendered: list[dict]
    split: list[dict]

    def pairs(self, listed: list[dict] | None = None, **settings: int) -> tuple[pl.DataFrame, dict]:
        written = {
            name: _write(self.folder / f"{name}.parquet", schema, getattr(self, name))
            for name, schema in (("spectra", MATCHING_SPECTRA), ("rendered", RENDERED), ("split", SPLITS))
        }
        if listed is not None:
            written["listed"] = _write(self.folder / "listed.parquet", LISTED_PAIRS, listed)
        out, counts = self.folder / "pairs.parquet", self.folder / "counts.json"
        summary = make_pairs(PairSettings(**settings), out=out, counts=counts, **written)
        assert read_json(counts) == summary
        return pl.DataFrame(pl.from_arrow(read_table(out, PAIRS))), summary


def _write(path: Path, schema, rows: list[dict]) -> Path:
    with TableWriter(path, schema) as writer:
        writer.write_rows(rows)
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> Inputs:
    generator = np.random.default_rng(0)
    ids = [f"x:{number:02d}" for number in range(sum(SIZES.values()))]
    family = generator.integers(6, size=len(ids))
    bits = (generator.random((6, 2048)) < 0.03)[family] & (generator.random((len(ids), 2048)) < 0.7)
    fingerprints = np.packbits(bits | (generator.random(bits.shape) < 0.003), axis=1)
    heights = generator.random((len(ids), 4, 16)).astype(np.float32)
    for one, two in TWINS:
        heights[ids.index(two)] = heights[ids.index(one)]
    parts = [part for part, size in SIZES.items() for _ in range(size)]
    fixed = {"first_block": "b", "smiles": "C", "origin": "measured"}
    return Inputs(
        tmp_path,
        [
            {"molecule_id": name, "formula": f"C{kind % 3}", "fingerprint": bits.tobytes(), **fixed}
            for name, kind, bits in zip(ids, family.tolist(), fingerprints, strict=True)
        ],
        [{"molecule_id": n, **dict(zip(COLUMNS, h.tolist(), strict=True))} for n, h in zip(ids, heights, strict=True)],
        [{"molecule_id": name, "part": part} for name, part in zip(ids, parts, strict=True)],
    )


def chosen(pairs: pl.DataFrame, name: str, part: str = "test") -> pl.DataFrame:
    return pairs.filter((pl.col("test_set") == name) & (pl.col("part") == part))


def unordered(pairs: pl.DataFrame) -> set[tuple[str, ...]]:
    return {tuple(sorted(row)) for row in pairs.select("owner_id", "candidate_id").iter_rows()}


def test_parts_have_their_sets_and_ids_are_unique(inputs):
    pairs, summary = inputs.pairs()
    found = {part: set(pairs.filter(pl.col("part") == part)["test_set"]) for part in SIZES}
    assert found == {"train": set(OWN_SETS[:3]), "val": set(OWN_SETS[:3]), "test": set(OWN_SETS)}
    assert pairs["pair_id"].is_unique().all()
    assert (
        pairs.select(pl.concat_str("test_set", "owner_id", "candidate_id", separator=":"))
        .to_series()
        .equals(pairs["pair_id"].alias("test_set"))
    )
    assert {part: one["molecules"] for part, one in summary["parts"].items()} == SIZES


@pytest.mark.parametrize("block", [5000, 7])
def test_balance(inputs, block):
    pairs, summary = inputs.pairs(block=block)
    members = {part: {row["molecule_id"] for row in inputs.split if row["part"] == part} for part in SIZES}
    for part, names in members.items():
        for kind in ("true", "near", "uniform", *(("diff",) if part == "test" else ())):
            rows = chosen(pairs, kind, part)
            assert Counter(rows["owner_id"]) == Counter(rows["candidate_id"]) == Counter(names), (part, kind)
            assert (rows["owner_id"] == rows["candidate_id"]).to_list() == [kind == "true"] * len(rows)
            assert rows["label"].to_list() == [kind == "true"] * len(rows)
            assert summary["parts"][part]["sets"][kind]["balanced"]
            assert summary["parts"][part]["sets"][kind]["most_used_candidate"] == 1


@pytest.mark.parametrize("kind", ["near", "uniform", "diff"])
@pytest.mark.parametrize("seen", ["owner_id", "candidate_id"])
def test_what_sees_one_side_alone_scores_exactly_half(inputs, kind, seen):
    pairs, _ = inputs.pairs()
    rows = pl.concat([chosen(pairs, "true"), chosen(pairs, kind)])
    generator = np.random.default_rng(0)
    score = {row["molecule_id"]: generator.normal() for row in inputs.spectra}
    logits = np.array([score[name] for name in rows[seen]])
    found = matching_metrics(rows["label"].to_numpy(), logits, rows["owner_id"].to_numpy(), 0, draws=10)
    assert found["auc"].value == pytest.approx(0.5, abs=1e-9)
    assert found["accuracy"].value == pytest.approx(0.5, abs=1e-9)


def test_identical_spectra_and_other_parts_are_never_negatives(inputs):
    pairs, summary = inputs.pairs()
    part_of = {row["molecule_id"]: row["part"] for row in inputs.split}
    for row in pairs.iter_rows(named=True):
        assert part_of[row["owner_id"]] == part_of[row["candidate_id"]] == row["part"]
    assert not unordered(pairs) & set(TWINS)
    assert [one["identical_spectra"] for one in summary["parts"].values()] == [2, 2, 2]
    assert all(one["identical_spectra"] == 0 for part in summary["parts"].values() for one in part["sets"].values())


def test_twins_would_be_each_others_candidates(inputs):
    for one, two in TWINS:
        rows = {row["molecule_id"]: row for row in inputs.spectra}
        rows[two].update(fingerprint=rows[one]["fingerprint"], formula=rows[one]["formula"])
    pairs, _ = inputs.pairs()
    assert not unordered(pairs) & set(TWINS)
    for row in inputs.rendered:
        row["proton_high"] = np.random.default_rng(int(row["molecule_id"][2:])).random(16).tolist()
    pairs, summary = inputs.pairs()
    assert {tuple(sorted(row)) for row in chosen(pairs, "sim").select("owner_id", "candidate_id").iter_rows()} >= {
        TWINS[2]
    }
    assert summary["parts"]["test"]["identical_spectra"] == 0


def test_similarities_are_ordered_and_described(inputs):
    pairs, summary = inputs.pairs()
    sets = summary["parts"]["test"]["sets"]
    mean = {name: one["tanimoto"]["mean"] for name, one in sets.items()}
    assert mean["true"] == 1
    assert mean["sim"] >= mean["near"] > 1.2 * mean["uniform"] > 1.2 * 1.2 * mean["diff"]
    near = chosen(pairs, "near")
    assert mean["near"] == pytest.approx(near["tanimoto"].mean(), rel=1e-6)
    assert sets["near"]["tanimoto"]["p95"] == pytest.approx(np.percentile(near["tanimoto"].to_numpy(), 95), rel=1e-6)
    assert sets["near"]["same_formula"] == pytest.approx(near["same_formula"].mean())
    assert chosen(pairs, "isomer")["same_formula"].all()
    assert sets["sim"]["most_used_candidate"] == Counter(chosen(pairs, "sim")["candidate_id"]).most_common(1)[0][1] > 1
    assert not sets["sim"]["balanced"]


def test_molecules_without_isomers_have_no_isomer_pair(inputs):
    lone = [row for row in inputs.spectra if row["molecule_id"] in ("x:70", "x:71")]
    lone[0]["formula"], lone[1]["formula"] = "C9H20", None
    pairs, summary = inputs.pairs()
    assert summary["parts"]["test"]["sets"]["isomer"]["pairs"] == SIZES["test"] - 2
    assert not {"x:70", "x:71"} & set(chosen(pairs, "isomer")["owner_id"])
    near = {row["owner_id"]: row for row in chosen(pairs, "near").iter_rows(named=True)}
    assert near["x:71"]["same_formula"] is None
    assert not near["x:70"]["same_formula"]
    for number, row in enumerate(inputs.spectra):
        row["formula"] = f"C{number}"
    assert inputs.pairs()[1]["parts"]["test"]["sets"]["isomer"] == {"pairs": 0}


def test_order_of_rows_changes_nothing_and_the_seed_does(inputs):
    first, _ = inputs.pairs(block=8)
    for number, rows in enumerate((inputs.spectra, inputs.rendered, inputs.split)):
        np.random.default_rng(number).shuffle(rows)
    again, _ = inputs.pairs(block=8)
    assert again.equals(first)
    other, _ = inputs.pairs(block=8, seed=1)
    for kind in ("near", "uniform", "diff"):
        assert set(chosen(other, kind)["pair_id"]) != set(chosen(first, kind)["pair_id"])
    assert set(chosen(other, "sim")["pair_id"]) == set(chosen(first, "sim")["pair_id"])


def listed_row(name: str, owner: str, candidate: str) -> dict:
    return {"test_set": name, "owner_id": owner, "candidate_id": candidate, "label": owner == candidate}


def test_listed_negatives_are_taken_over_and_the_rest_is_counted(inputs):
    listed = [
        listed_row("listed_rand", "x:55", "x:55"),
        listed_row("listed_rand", "x:55", "x:56"),
        listed_row("listed_rand", "x:55", "x:56"),
        listed_row("listed_sim", "x:55", "x:03"),
        listed_row("listed_sim", "x:60", "x:61"),
        listed_row("listed_sim", "x:04", "x:57"),
        {**listed_row("listed_sim", "x:58", "x:58"), "label": False},
        *(listed_row("listed_sim", f"gone:{number}", "x:57") for number in range(25)),
        listed_row("listed_diff", "x:59", "gone:0"),
    ]
    pairs, summary = inputs.pairs(listed)
    used = pairs.filter(pl.col("test_set").str.starts_with("listed_"))
    assert used.select("part", "pair_id", "label").rows() == [
        ("test", "listed_rand:x:55:x:56", False),
        ("test", "listed_sim:x:55:x:03", False),
        ("test", "listed_sim:x:60:x:61", False),
    ]
    assert (summary["listed"], summary["listed_positive"], summary["listed_used"]) == (len(listed), 1, 3)
    unknown = summary["listed_unknown"]
    assert (unknown["pairs"], len(unknown["first"])) == (26, 20)
    assert unknown["first"][0] == {"test_set": "listed_sim", "owner_id": "gone:0", "candidate_id": "x:57"}
    for reason in ("listed_outside_test", "listed_same_molecule", "listed_repeated"):
        assert summary[reason]["pairs"] == 1
    sets = summary["parts"]["test"]["sets"]
    assert sets["listed_sim"]["identical_spectra"] == 1
    assert sets["listed_diff"] == {"pairs": 0}


def test_listed_sets_cannot_pass_for_our_own(inputs):
    with pytest.raises(InputError, match="test_set 'near' does not begin with listed_"):
        inputs.pairs([listed_row("near", "x:55", "x:56")])


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("split", lambda rows: rows.pop(7), r"split.*x:07 of .*spectra.* has no part"),
        ("spectra", lambda rows: rows.pop(7), r"split.*x:07 is not in .*spectra"),
        ("rendered", lambda rows: rows.pop(7), r"rendered.*1 molecules are not rendered, such as x:07"),
        ("spectra", lambda rows: rows.append(rows[7]), r"spectra.*x:07 occurs more than once"),
        ("split", lambda rows: rows.append(rows[7]), r"split.*x:07 occurs more than once"),
        ("spectra", lambda rows: rows[7].update(fingerprint=None), r"'fingerprint' of molecule x:07 is empty"),
        ("split", lambda rows: rows[7].update(part=""), r"split.*part '' is none of train, val, test"),
    ],
)
def test_faults_are_named(inputs, table, change, message):
    change(getattr(inputs, table))
    with pytest.raises(InputError, match=message):
        inputs.pairs()
    assert not (inputs.folder / "pairs.parquet").exists()
    assert not (inputs.folder / "counts.json").exists()


def test_a_part_needs_two_molecules_with_other_spectra(inputs):
    for row in inputs.split[41:52]:
        row["part"] = "train"
    with pytest.raises(InputError, match="part val has 1 molecules"):
        inputs.pairs()
    inputs.split[41]["part"] = "val"
    assert inputs.pairs()[1]["parts"]["val"]["sets"]["near"]["pairs"] == 2
    inputs.rendered[41].update({name: inputs.rendered[40][name] for name in COLUMNS})
    with pytest.raises(InputError, match="part val: 2 of 2 molecules have identical spectra"):
        inputs.pairs()


def test_codes_tell_which_spectra_are_identical(inputs):
    path = _write(inputs.folder / "rendered.parquet", RENDERED, inputs.rendered)
    ids = [row["molecule_id"] for row in inputs.rendered]
    codes = dict(zip(ids, spectrum_codes(path, ids).tolist(), strict=True))
    assert all(codes[one] == codes[two] for one, two in TWINS)
    assert len(set(codes.values())) == len(ids) - len(TWINS)
    inputs.rendered[2]["carbon_low"] = [*inputs.rendered[2]["carbon_low"][:-1], 0.125]
    path = _write(inputs.folder / "rendered.parquet", RENDERED, inputs.rendered)
    assert len(set(spectrum_codes(path, ids[1:3]).tolist())) == 2
