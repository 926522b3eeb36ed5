#!/usr/bin/env bash
# test.sh: run the page's unit tests, see that dist is what the sources build, and go the
# journeys with Chromium against the demo. It needs bin/tapline; run it by with-node.sh.
set -euo pipefail
root=$(cd ../../.. && pwd)
built=$(mktemp -d)
trap 'rm -rf "$built"' EXIT
./build.sh "$built"
if ! diff -r dist "$built"; then
  echo "dist is not what the sources build: run make web and commit dist" >&2
  exit 1
fi
# What a browser loads before it shows anything, compressed as the server does it: the document
# and the files that it names.
named=$(grep -o 'assets/[^"]*' dist/index.html | sed 's|^|dist/|')
first=$(cat dist/index.html $named | gzip -9 | wc -c)
if ((first > 350000)); then
  echo "the first load takes $first bytes compressed; 350,000 are allowed" >&2
  exit 1
fi
vitest run
TAPLINE=$root/bin/tapline ROOT=$root vitest run --config journeys/vitest.config.ts
