# Written by `make docs` from envs/constraints.txt; do not edit. docker build -f envs/cpu.Dockerfile -t spectraflow:cpu .
# PyTorch's own index has the build without CUDA; pip prefers it, as its version ends in +cpu.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git libexpat1 libxext6 libxrender1 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml /opt/spectraflow/pyproject.toml
COPY README.md /opt/spectraflow/README.md
COPY LICENSE /opt/spectraflow/LICENSE
COPY src /opt/spectraflow/src
COPY envs/constraints.txt /opt/spectraflow/envs/constraints.txt
RUN pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu -c /opt/spectraflow/envs/constraints.txt '/opt/spectraflow[kubernetes]'
RUN spectraflow --help
WORKDIR /work
CMD ["bash"]
