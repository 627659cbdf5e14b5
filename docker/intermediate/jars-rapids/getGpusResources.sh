#!/bin/bash
# Prints the GPUs of this container as spark.*.resource.gpu.discoveryScript must: one JSON object with the addresses.
# Without a GPU it prints the reason and fails, so that Spark does not start an executor that cannot work.
set -euo pipefail

fail() {
    echo "getGpusResources.sh: $*" >&2
    echo "getGpusResources.sh: on Kubernetes, set spark.executor.resource.gpu.vendor=nvidia.com and amount=1, and use a node" \
        "with NVIDIA's device plugin; with Docker, add --gpus all; to run without a GPU, leave out rapids.conf" >&2
    exit 1
}

command -v nvidia-smi > /dev/null || fail "no GPU: nvidia-smi is not in this container, so NVIDIA's container runtime did not start it"
indices=$(nvidia-smi --query-gpu=index --format=csv,noheader) || fail "no GPU: nvidia-smi failed: $indices"
[[ -n $indices ]] || fail "no GPU: nvidia-smi lists none"

addresses=
for index in $indices; do
    [[ $index =~ ^[0-9]+$ ]] || fail "no GPU: nvidia-smi answered: $indices"
    addresses+=${addresses:+,}\"$index\"
done
echo "{\"name\":\"gpu\",\"addresses\":[$addresses]}"
