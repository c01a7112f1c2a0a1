"""What a trained model of a MoleculeNet task does inside: maps, similarities, late fusion, positive subgraphs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from spectraflow.errors import InputError
from spectraflow.files import write_json
from spectraflow.methods.mmfrl.explain.late_shares import late_shares
from spectraflow.methods.mmfrl.explain.similarity import compared
from spectraflow.methods.mmfrl.explain.subgraphs import PredictedMolecules, draw_subgraphs, positive_subgraphs
from spectraflow.methods.mmfrl.explain.tsne import neighbourhoods, plane
from spectraflow.methods.mmfrl.fusion import IntermediateFusion, LateFusion
from spectraflow.methods.mmfrl.property_model import (
    FUSIONS,
    PropertyModel,
    build_model,
    load_pretrained,
    load_property_model,
)
from spectraflow.methods.mmfrl.property_store import PARTS, PropertyStore, TaskTables
from spectraflow.methods.mmfrl.settings import ExplanationSettings, PropertyRun
from spectraflow.tables import EMBEDDING_MAP, LATE_PARTS, POSITIVE_SUBGRAPHS, TableWriter
from spectraflow.training.devices import job_device

Numbers = NDArray[np.float64]

FUSED = "fused"
_LEAST_MAPPED = 4


@dataclass(frozen=True)
class ExplanationFiles:
    """What `explain` writes: a JSON summary, three tables (empty where a model has no such thing), and drawings."""

    summary: Path
    positions: Path
    late_parts: Path
    subgraphs: Path
    drawings: Path | None = None


@dataclass(frozen=True)
class _Examined:
    """A trained model, the same with its encoders as they were pre-trained, and its task."""

    model: PropertyModel
    pretrained: PropertyModel | None
    store: PropertyStore
    settings: ExplanationSettings

    @property
    def names(self) -> list[str]:
        return encoder_names(self.model.settings)

    @property
    def stages(self) -> dict[str, PropertyModel]:
        before = {} if self.pretrained is None else {"pretrained": self.pretrained}
        return {**before, "finetuned": self.model}

    def embeddings(self, stage: str, rows: Tensor) -> dict[str, Numbers]:
        """Return the embedding (R, d) of each encoder by name and, after fine-tuning, the fused one if there is one."""
        model = self.stages[stage]
        found = dict(zip(self.names, model.features(rows), strict=True))
        if stage == "finetuned" and isinstance(model.network, IntermediateFusion):
            found[FUSED] = model.fused(rows)
        return {name: values.astype(np.float64) for name, values in found.items()}

    def measured(self, rows: Tensor) -> Numbers:
        """Return the target of `rows`, (R,); NaN where nothing was measured."""
        values: Numbers = self.store.targets[rows, self.settings.target].double().numpy()
        return values

    def ids(self, rows: Tensor) -> list[str]:
        return [self.store.molecule_ids[row] for row in rows.tolist()]


def explain(
    settings: ExplanationSettings,
    run: Path,
    tables: TaskTables,
    files: ExplanationFiles,
    encoders: Sequence[Path] = (),
) -> dict[str, Any]:
    """Write what was found in a trained D-MPNN, fused or not, and return the summary as JSON values.

    Args:
        settings: which target, sample sizes and the subgraph search.
        run: run folder of the model.
        tables: the files of its task, graphs included.
        files: what to write.
        encoders: folders of the pre-trained encoders in the order of the run's settings, to show them as they were
            before fine-tuning; none = leave that out.

    ``embeddings`` holds R2 by near molecules (see `neighbourhoods`) by stage and embedding, ``similarity`` that of the
    embeddings of test molecules by stage, ``late`` the shares of the encoders on the test part (late fusion), and
    ``subgraphs`` those that the model calls positive (classification). What a model does not have is null.

    Raises:
        InputError: the run is another kind of model or of another task than the tables, or a file is missing.
    """
    examined = _read(settings, run, tables, encoders)
    test = examined.store.parts["test"]
    found = {
        "target": examined.store.names[settings.target],
        "kind": examined.store.kind,
        "encoders": examined.names,
        "embeddings": _maps(examined, files.positions),
        "similarity": {stage: _similarity(examined, stage, test) for stage in examined.stages},
        "late": _late(examined, test, files.late_parts),
        "subgraphs": _subgraphs(examined, test, files),
    }
    write_json(files.summary, found)
    return found


def encoder_names(settings: PropertyRun) -> list[str]:
    """Return a name for each encoder: its modality, or scratch if it was not pre-trained; repeats are numbered."""
    kinds: list[str] = [run.modality for run in settings.pretraining] or ["scratch"] * settings.encoders
    return [
        kind if kinds.count(kind) == 1 else f"{kind} {kinds[: place + 1].count(kind)}"
        for place, kind in enumerate(kinds)
    ]


def _read(settings: ExplanationSettings, run: Path, tables: TaskTables, encoders: Sequence[Path]) -> _Examined:
    if tables.graphs is None:
        raise InputError(f"{run}: looking into a model needs the graphs of its task")
    model, store = load_property_model(run, tables.graphs), PropertyStore.read(tables)
    if model.settings.kind not in FUSIONS:
        raise InputError(f"{run}: a {model.settings.kind}; only {', '.join(FUSIONS)} have encoders to look into")
    if model.names != store.names or model.kind != store.kind:
        raise InputError(f"{run}: predicts other targets than those of {tables.counts}")
    if model.graphs.molecule_ids != store.molecule_ids:
        raise InputError(f"{tables.graphs}: not the graphs of {tables.properties}")
    if settings.target >= len(store.names):
        raise InputError(f"{tables.counts}: has {len(store.names)} targets, none is number {settings.target} from 0")
    device = job_device()
    model = replace(model, network=model.network.to(device).eval(), graphs=model.graphs.to(device))
    return _Examined(model, _as_pretrained(model, encoders) if encoders else None, store, settings)


def _as_pretrained(model: PropertyModel, encoders: Sequence[Path]) -> PropertyModel:
    network = build_model(model.settings, len(model.names))
    load_pretrained(network, model.settings, encoders)
    return replace(model, network=network.to(model.graphs.atoms.offsets.device).eval())


def _mapped(examined: _Examined) -> tuple[Tensor, NDArray[np.str_]]:
    """Return rows of all parts, drawn by seed if there are too many, and the part of each."""
    parts = examined.store.parts
    rows = torch.cat([parts[part] for part in PARTS])
    names = np.repeat(PARTS, [len(parts[part]) for part in PARTS])
    order = np.random.default_rng(examined.settings.seed).permutation(len(rows))
    chosen = np.sort(order[: examined.settings.mapped])
    return rows[torch.from_numpy(chosen)], names[chosen]


def _maps(examined: _Examined, path: Path) -> dict[str, Any] | None:
    settings = examined.settings
    rows, parts = _mapped(examined)
    target = examined.measured(rows)
    found: dict[str, dict[str, Any]] = {stage: {} for stage in examined.stages}
    with TableWriter(path, EMBEDDING_MAP) as writer:
        if len(rows) < _LEAST_MAPPED:
            return None
        for stage in examined.stages:
            for name, features in examined.embeddings(stage, rows).items():
                places = plane(features, perplexity=settings.perplexity, seed=settings.seed)
                found[stage][name] = neighbourhoods(
                    features,
                    places,
                    target,
                    parts,
                    neighbours=settings.neighbours,
                    shuffles=settings.shuffles,
                    seed=settings.seed,
                )
                writer.write(
                    {
                        "molecule_id": examined.ids(rows),
                        "part": parts.tolist(),
                        "stage": [stage] * len(rows),
                        "embedding": [name] * len(rows),
                        "target": _or_null(target),
                        "x": places[:, 0].tolist(),
                        "y": places[:, 1].tolist(),
                    }
                )
    return {"molecules": len(rows), "neighbours": settings.neighbours, **found}


def _or_null(values: Numbers) -> list[float | None]:
    return [value if np.isfinite(value) else None for value in values.tolist()]


def _similarity(examined: _Examined, stage: str, rows: Tensor) -> dict[str, Any]:
    features = examined.embeddings(stage, rows)
    fused = features.pop(FUSED, None)
    return compared(features, fused, examined.settings.shuffles, examined.settings.seed)


def _late(examined: _Examined, rows: Tensor, path: Path) -> dict[str, Any] | None:
    model, target, store = examined.model, examined.settings.target, examined.store
    with TableWriter(path, LATE_PARTS) as writer:
        if not isinstance(model.network, LateFusion):
            return None
        coefficients = model.coefficients(rows).astype(np.float64)
        predictions = model.parts(rows)[:, :, target].astype(np.float64)
        writer.write(_late_rows(examined.names, examined.ids(rows), coefficients, predictions))
    # the trained model's own scale, as its predictions are in that unit; 0 and 1 for classes
    measured = (examined.measured(rows) - float(model.scale.mean[target])) / float(model.scale.sd[target])
    return late_shares(examined.names, coefficients, predictions, measured, store.kind, examined.settings.seed)


def _late_rows(
    names: Sequence[str], ids: Sequence[str], coefficients: Numbers, predictions: Numbers
) -> Mapping[str, list[Any]]:
    """Return columns of LATE_PARTS, molecule by molecule."""
    return {
        "molecule_id": [name for name in ids for _ in names],
        "encoder": list(names) * len(ids),
        "coefficient": coefficients.ravel().tolist(),
        "prediction": predictions.ravel().tolist(),
        "product": (coefficients * predictions).ravel().tolist(),
    }


def _subgraphs(examined: _Examined, rows: Tensor, files: ExplanationFiles) -> dict[str, Any] | None:
    model, settings, store = examined.model, examined.settings, examined.store
    if files.drawings is not None:
        files.drawings.mkdir(parents=True, exist_ok=True)  # empty where nothing is found
    with TableWriter(files.subgraphs, POSITIVE_SUBGRAPHS) as writer:
        if store.kind != "classification":
            return None
        smiles = [store.smiles[row] for row in rows.tolist()]
        predicted = model.predict(rows)[:, settings.target].astype(np.float64)
        molecules = PredictedMolecules(examined.ids(rows), smiles, examined.measured(rows), predicted)

        def score(asked: list[str]) -> NDArray[np.floating]:
            return model.predict_smiles(asked)[:, settings.target]

        found, summary = positive_subgraphs(molecules, score, settings.subgraphs, settings.seed)
        writer.write_rows(found)
    if files.drawings is not None:
        draw_subgraphs(found, files.drawings, settings.drawings)
    return summary
