#!/bin/bash
# Where Spark looks for it (spark.kubernetes.decommission.script): tells the executor of this pod to decommission, as
# the hook that a pod runs before it stops. It waits until the executor has moved its blocks and ended: Kubernetes
# stops the pod when the hook returns, or when its grace period is over.
set -euo pipefail

executor=$(pgrep -o -f 'java .*KubernetesExecutorBackend') || { echo "decom: no executor runs here" >&2; exit 1; }
kill -s PWR "$executor"
tail --pid="$executor" -f /dev/null
