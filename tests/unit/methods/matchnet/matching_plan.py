"""Plans of matching from a few settings."""

from typing import Any

from spectraflow.config import Config
from spectraflow.methods.matchnet.jobs import MatchnetJob
from spectraflow.methods.matchnet.plan import MatchnetPlan
from spectraflow.settings import check, merge
from spectraflow.workflow import Plan

BASE: dict[str, Any] = {"split": "random"}
VECTORS = {"network": {"spectra": "vectors"}}
LISTED = {"dataset": "matcs", "split": "listed", **VECTORS}
SHIFTS = {"runs": [{"label": "shifts", "records": "train"}]}


def plan_of(*runs: Any, base: Any = None, section: Any = None, **values: Any) -> MatchnetPlan:
    """The plan of matching with `runs`, what differs from the defaults of its `section`, and other sections."""
    matchnet = {"base": merge(BASE, base or {}), "runs": list(runs), **(section or {})}
    return Plan(check(Config, {"matchnet": matchnet, **values})).matchnet


def only_job(plan: MatchnetPlan) -> MatchnetJob:
    (job,) = plan.jobs.values()
    return job


def only_id(plan: MatchnetPlan) -> str:
    return only_job(plan).run
