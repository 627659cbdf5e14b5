#!/bin/bash
# The entrypoint of every image. It runs a mode (a file of /opt/entrypoint.d), or any other command unchanged.
# Without arguments, it runs the mode that SPARK_MODE names, or a shell.
# tini becomes PID 1 and passes on signals and exit codes. No other process stays between tini and the command.
set -euo pipefail
modes=/opt/entrypoint.d

is_mode() { [[ $1 != */* && -x $modes/$1 ]]; }

# refuse EXIT-CODE WORD SENTENCE: exits with the sentence and the mode that is most like WORD, or all modes.
refuse() {
    local hint
    hint=$(python3 - "$2" "$modes" <<'PY'
import difflib, os, sys
word, modes = sys.argv[1], sorted(os.listdir(sys.argv[2]))
near = difflib.get_close_matches(word.lower(), modes, n=1)
print(f'did you mean "{near[0]}"?' if near else f"the modes: {', '.join(modes)}")
PY
    )
    echo "entrypoint: $3; $hint (\`help\` describes the modes)" >&2
    exit "$1"
}

if [[ $# -eq 0 && -n ${SPARK_MODE:-} ]]; then
    is_mode "$SPARK_MODE" || refuse 2 "$SPARK_MODE" "SPARK_MODE is \"$SPARK_MODE\", which is not a mode"
    set -- "$SPARK_MODE"
elif [[ $# -eq 0 ]]; then
    set -- bash
fi

if is_mode "$1"; then
    mode=$modes/$1
    shift
    set -- "$mode" "$@"
elif ! type -P -- "$1" > /dev/null; then
    refuse 127 "$1" "\"$1\" is neither a mode nor a command of this image"
fi
exec tini -s -- "$@"
