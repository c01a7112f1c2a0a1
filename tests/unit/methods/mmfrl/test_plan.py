from types import SimpleNamespace

import pytest

from spectraflow.config import Config
from spectraflow.errors import ConfigError
from spectraflow.methods.mmfrl.plan import MmfrlPlan
from spectraflow.settings import check

FUSED = {"label": "fused", "kind": "late", "modalities": ["nmr", "peak", "fingerprint"]}
EARLY = {"label": "early", "modalities": ["early"]}
SCRATCH = {"label": "scratch"}


def plan(runs, **values):
    section = {"tasks": ["esol"], "seeds": [0], "runs": runs, **values}
    return MmfrlPlan(check(Config, {"data": "demo", "mmfrl": section}))


def only(jobs):
    (found,) = jobs
    return found


def run_of(run, **values):
    return only(plan([run], **values).jobs)


def test_models_share_encoders_and_targets():
    made = plan([FUSED, EARLY, {"label": "nmr", "modalities": ["nmr"]}], seeds=[0, 1])
    assert len(made.jobs) == 6
    assert len(made.encoders) == 4
    assert sorted(job.modality for job in made.targets.values()) == ["image", "nmr", "smiles"]


def test_a_label_makes_no_difference_to_an_id():
    assert run_of(SCRATCH) == run_of({"label": "other"})
    with pytest.raises(ConfigError, match="'scratch' and 'other' are the same model"):
        plan([SCRATCH, {"label": "other"}])


@pytest.mark.parametrize(
    "changed",
    [
        {"training": {"epochs": 3}},
        {"head": 20},
        {"modalities": ["nmr"]},
        {"modalities": ["nmr"], "pretraining": {"training": {"epochs": 3}}},
        {"modalities": ["nmr"], "pretraining": {"targets": {"nmr": {"dim": 8}}}},
    ],
)
def test_what_changes_a_model_changes_its_id(changed):
    assert run_of(SCRATCH) != run_of({**SCRATCH, **changed})


@pytest.mark.parametrize(
    ("base", "changed"),
    [
        ({"kind": "forest"}, {"training": {"epochs": 3}, "head": 20}),
        ({"modalities": ["nmr"]}, {"pretraining": {"targets": {"image": {"size": 32}}}}),
        ({"modalities": ["nmr"]}, {"pretraining": {"loss": {"peak_kernel": "laplace"}}}),
        ({"modalities": ["nmr"]}, {"pretraining": {"weights": {"nmr": 1.0}}}),
        ({}, {"baseline": {"trees": 3}}),
    ],
)
def test_what_a_model_does_not_use_is_no_part_of_its_id(base, changed):
    assert run_of({**SCRATCH, **base}) == run_of({**SCRATCH, **base, **changed})


def test_more_epochs_of_a_pretraining_keep_its_targets():
    one, other = (plan([{**EARLY, "pretraining": {"training": {"epochs": n}}}]) for n in (3, 4))
    assert one.targets.keys() == other.targets.keys()
    assert one.encoders.keys() != other.encoders.keys()


def test_public_weights_are_named_by_their_checksum():
    def targets(path, checksum):
        public = {"source": "cress", "weights": path, "sha256": checksum}
        return plan([{"label": "nmr", "modalities": ["nmr"], "pretraining": {"targets": public}}]).targets.keys()

    assert targets("a.pth", "0") == targets("b.pth", "0") != targets("a.pth", "1")


def test_released_encoders_are_named_by_their_checksum():
    def encoders(path, checksum):
        released = {"nmr": {"weights": path, "sha256": checksum}}
        return plan([{"label": "nmr", "modalities": ["nmr"], "released": released}]).encoders.keys()

    trained = plan([{"label": "nmr", "modalities": ["nmr"]}]).encoders.keys()
    assert trained != encoders("a.pt", "0") == encoders("b.pt", "0") != encoders("a.pt", "1")


def test_encoders_come_in_the_order_of_the_modalities():
    made = plan([FUSED])
    wildcards = SimpleNamespace(run=only(made.jobs))
    modalities = [made.encoders[path.split("/")[-2]].settings["modality"] for path in made.encoder_weights(wildcards)]
    assert modalities == FUSED["modalities"]


def test_targets_are_passed_with_their_modality():
    made = plan([EARLY])
    wildcards = SimpleNamespace(encoder=only(made.encoders))
    files = made.target_files(wildcards)
    options = made.target_options(wildcards, files)
    assert [option.partition("=")[0] for option in options] == ["smiles", "image", "nmr"]
    assert [option.partition("=")[2] for option in options] == files


def test_baselines_of_fingerprints_need_no_graphs():
    made = plan([SCRATCH, {"label": "forest", "kind": "forest"}, {"label": "chemprop", "kind": "chemprop"}])
    graphs = {job.label: made.graphs(SimpleNamespace(run=run)) for run, job in made.jobs.items()}
    assert [bool(graphs[label]) for label in ("scratch", "forest", "chemprop")] == [True, False, False]


def test_fused_models_of_the_first_split_are_looked_into():
    made = plan([SCRATCH, FUSED], seeds=[3, 4], explained={"tasks": ["esol"]})
    (run,) = made.each_explained_run("{run}")
    assert (made.jobs[run].label, made.jobs[run].seed) == ("fused", 3)
