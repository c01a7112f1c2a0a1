"""What the last layer sees of pairs, on a plane, and numbers that say how well it tells them apart (Fig. 6)."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import torch

from spectraflow.methods.matchnet.data import MatchStore
from spectraflow.methods.matchnet.fitting import EVALUATED_AT_ONCE, Examples, on_device, pair_batch
from spectraflow.methods.matchnet.matchers import NetworkMatcher
from spectraflow.methods.matchnet.pair_table import Pairs
from spectraflow.methods.matchnet.settings import ExaminationSettings
from spectraflow.tables import PAIR_MAP, write_table

PERPLEXITY = 30
FOLDS = 5


def map_pairs(
    matcher: NetworkMatcher, store: MatchStore, test: Pairs, settings: ExaminationSettings, positions: Path
) -> dict[str, float | int]:
    """Write the t-SNE positions of near test pairs and return ``silhouette``, ``probe_auc`` and ``pairs``.

    Both numbers are of the standardised 48 inputs of the last layer, not of the plane, whose distances say little: the
    silhouette of the two labels, and the AUC of a linear probe on folds of owners that it was not fitted on.
    """
    pairs = mapped_pairs(test, settings)
    inputs = standardised(last_layer_inputs(matcher, store, pairs))
    places = _tsne(inputs, settings.seed)
    columns = {"pair_id": pairs.ids, "label": pairs.labels, "x": places[:, 0], "y": places[:, 1]}
    arrays = [pa.array(values, PAIR_MAP.field(name).type) for name, values in columns.items()]
    write_table(positions, PAIR_MAP, pa.Table.from_arrays(arrays, schema=PAIR_MAP))
    return {**separation(inputs, pairs.labels, pairs.owners), "pairs": len(pairs)}


def mapped_pairs(test: Pairs, settings: ExaminationSettings) -> Pairs:
    """Return the true and the near pair of as many owners as the settings allow, the same for every model."""
    near = test.take(test.places_of("near"))
    owners = np.random.default_rng(settings.seed).permutation(np.unique(near.owners))
    return near.take(np.isin(near.owners, owners[: max(2, settings.mapped_pairs // 2)]))


@torch.no_grad()
def last_layer_inputs(matcher: NetworkMatcher, store: MatchStore, pairs: Pairs) -> np.ndarray:
    """Return what the last layer sees of each pair, (P, 48) float64."""
    moved = on_device(Examples(pairs.owners, pairs.candidates, pairs.labels), matcher.device)
    chunks = torch.arange(len(pairs), device=matcher.device).split(EVALUATED_AT_ONCE)
    batches = (pair_batch(store, moved, rows, matcher.settings.network) for rows in chunks)
    found: np.ndarray = torch.cat([matcher.network.last_layer_input(batch) for batch in batches]).double().cpu().numpy()
    return found


def standardised(inputs: np.ndarray) -> np.ndarray:
    """Return columns of mean 0 and deviation 1; those that do not vary become 0."""
    spread = inputs.std(axis=0)
    found: np.ndarray = (inputs - inputs.mean(axis=0)) / np.where(spread > 1e-9, spread, np.inf)
    return found


def _tsne(inputs: np.ndarray, seed: int) -> np.ndarray:
    from sklearn.manifold import TSNE

    perplexity = min(PERPLEXITY, (len(inputs) - 1) / 3)
    found: np.ndarray = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(inputs)
    return found


def separation(inputs: np.ndarray, labels: np.ndarray, owners: np.ndarray) -> dict[str, float]:
    """Return silhouette and probe AUC of inputs (P, c) by labels (P,); pairs of an owner share a fold."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score, silhouette_score
    from sklearn.model_selection import GroupKFold, cross_val_predict

    folds = GroupKFold(min(FOLDS, len(np.unique(owners))))
    probe = LogisticRegression(max_iter=1000)
    scores = cross_val_predict(probe, inputs, labels, groups=owners, cv=folds, method="decision_function")
    return {
        "silhouette": float(silhouette_score(inputs, labels)),
        "probe_auc": float(roc_auc_score(labels, scores)),
    }
