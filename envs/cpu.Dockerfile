# Written by `make docs` from envs/constraints.txt; do not edit. docker build -f envs/cpu.Dockerfile -t spectraflow:cpu .
# With an index of CPU builds in PIP_EXTRA_INDEX_URL pip prefers those, as their version ends in +cpu.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git libexpat1 libxext6 libxrender1 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml /opt/spectraflow/pyproject.toml
COPY README.md /opt/spectraflow/README.md
COPY LICENSE /opt/spectraflow/LICENSE
COPY src /opt/spectraflow/src
COPY envs/constraints.txt /opt/spectraflow/envs/constraints.txt
ARG PIP_EXTRA_INDEX_URL
RUN pip install --no-cache-dir -c /opt/spectraflow/envs/constraints.txt '/opt/spectraflow[kubernetes]'
RUN spectraflow --help
WORKDIR /work
CMD ["bash"]
