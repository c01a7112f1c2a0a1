# Written by `make docs` from envs/constraints.txt; do not edit. docker build -f envs/cuda.Dockerfile -t spectraflow:cuda .
# On Linux the package index has PyTorch's CUDA build, which brings CUDA's libraries; the driver is the host's.
FROM python:3.11-slim
RUN apt-get update && apt-get install --yes --no-install-recommends git libexpat1 libxext6 libxrender1 && rm -rf /var/lib/apt/lists/*
COPY pyproject.toml /opt/spectraflow/pyproject.toml
COPY README.md /opt/spectraflow/README.md
COPY LICENSE /opt/spectraflow/LICENSE
COPY src /opt/spectraflow/src
COPY envs/constraints.txt /opt/spectraflow/envs/constraints.txt
RUN pip install --no-cache-dir -c /opt/spectraflow/envs/constraints.txt '/opt/spectraflow[kubernetes]'
RUN spectraflow --help
WORKDIR /work
CMD ["bash"]
