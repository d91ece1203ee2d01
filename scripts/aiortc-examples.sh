#!/bin/sh
# Puts aiortc's own examples where tests/interop/test_aiortc_examples.py looks for them: they are in its source
# distribution, of the version that is installed, and nowhere in this repository.
#   scripts/aiortc-examples.sh .venv/bin/python
set -eu
python=${1:-python3}
folder=.testtools
version=$("$python" -c 'from importlib.metadata import version; print(version("aiortc"))')
[ ! -d "$folder/aiortc-$version/examples" ] || exit 0
"$python" -m pip download --quiet --no-deps --no-binary aiortc --dest "$folder" "aiortc==$version"
tar -xzf "$folder/aiortc-$version.tar.gz" -C "$folder"
