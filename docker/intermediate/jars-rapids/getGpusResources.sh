#!/bin/bash
# Tells Spark which GPUs this container has, as spark.*.resource.gpu.discoveryScript must: one JSON object with the
# addresses. Where there is none it says why, and fails, so that Spark does not start an executor that cannot work.
set -euo pipefail

fail() {
    echo "getGpusResources.sh: $*" >&2
    echo "getGpusResources.sh: on Kubernetes ask for spark.executor.resource.gpu.vendor=nvidia.com and amount=1 on a node" \
        "with NVIDIA's device plugin; with Docker run --gpus all; to do without a GPU leave out rapids.conf" >&2
    exit 1
}

command -v nvidia-smi > /dev/null || fail "no GPU: nvidia-smi is not in this container, so NVIDIA's runtime did not start it"
indices=$(nvidia-smi --query-gpu=index --format=csv,noheader) || fail "no GPU: nvidia-smi failed: $indices"
[[ -n $indices ]] || fail "no GPU: nvidia-smi lists none"

addresses=
for index in $indices; do
    [[ $index =~ ^[0-9]+$ ]] || fail "no GPU: nvidia-smi answered: $indices"
    addresses+=${addresses:+,}\"$index\"
done
echo "{\"name\":\"gpu\",\"addresses\":[$addresses]}"
