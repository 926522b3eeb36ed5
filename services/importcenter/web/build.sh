#!/usr/bin/env bash
# build.sh [FOLDER]: check the types and build the page into FOLDER (dist by default). The
# API's types come from its document and are not committed. Run it by with-node.sh.
set -euo pipefail
openapi-typescript ../../../schemas/openapi.yaml -o src/api/schema.ts >/dev/null
tsc --noEmit
vite build --logLevel warn --outDir "${1:-dist}" --emptyOutDir
