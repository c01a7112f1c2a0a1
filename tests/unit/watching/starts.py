"""Events of a start, as its record has them."""


def planned(**jobs: int) -> dict:
    return {"event": "planned", "at": 0, "jobs": jobs}


def started(job: int, name: str, at: float, training: str | None = None) -> dict:
    values = {"event": "started", "at": at, "job": job, "name": name, "logs": [f"logs/{name}.log"]}
    return {**values, "training": [training] if training else []}


def ended(job: int, at: float, how: str = "finished") -> dict:
    return {"event": how, "at": at, "job": job}


CLOSED = {"event": "closed", "at": 1000.0}
