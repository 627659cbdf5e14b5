#!/bin/bash
# The entrypoint of every image: runs a mode, one file of /opt/entrypoint.d each, or any other command as it is.
# tini becomes PID 1 and passes signals and exit codes on; nothing else stays between it and the process.
set -euo pipefail

mode=/opt/entrypoint.d/${1:-}
if [[ $# -gt 0 && $1 != */* && -x $mode ]]; then
    shift
    set -- "$mode" "$@"
fi
exec tini -s -- "$@"
