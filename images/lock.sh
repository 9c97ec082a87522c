#!/bin/sh
# Resolve the five hash locks: one machine's first, then each image family's, held to the same versions.
set -eu
cd "$(dirname "$0")/.."
uv=${1:-uv}

lock() { # NAME CONSTRAINTS EXTRA...
    name=$1; constraints=$2; shift 2
    extras=''
    for extra in "$@"; do extras="$extras --extra $extra"; done
    # shellcheck disable=SC2086 # the extras are separate words
    "$uv" pip compile --quiet --upgrade --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links \
        --python-version 3.11 --custom-compile-command 'make locks' \
        --constraints "$constraints" $extras setup.cfg --output-file "images/$name.txt"
    echo "  images/$name.txt"
}

lock steps images/constraints.txt train release drift authoring local test
for family in train release drift; do lock "$family" images/steps.txt "$family"; done
lock serve images/constraints.txt serve
