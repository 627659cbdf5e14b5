#!/bin/bash
# Tells the executor of this pod to decommission. A pod runs this script before it stops, from the path of
# spark.kubernetes.decommission.script. The script waits until the executor has moved its blocks and ended, because
# Kubernetes stops the pod when the script returns, or at the end of the grace period.
set -euo pipefail

executor=$(pgrep -o -f 'java .*KubernetesExecutorBackend') || { echo "decom: no executor runs here: run this script in the pod of an executor" >&2; exit 1; }
kill -s PWR "$executor"
tail --pid="$executor" -f /dev/null
