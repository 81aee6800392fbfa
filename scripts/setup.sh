#!/usr/bin/env bash
# Installs what is missing on Debian 12. `setup.sh build` for building and running, `setup.sh test` for
# the tests too. Safe to run again. Without root it names what is missing and how to get it.
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-build}

packages=()
need() { command -v "$1" >/dev/null 2>&1 || packages+=("$2"); }
need cc gcc
need make make
need pkg-config pkg-config
need runc runc
if [ "$what" = test ]; then
  need chromium chromium
  need setpriv util-linux
  need curl curl
  need openssl openssl
  need ip iproute2
  need nft nftables
  need ssh openssh-client
  need rsync rsync
  need python3 python3
  need slirp4netns slirp4netns
  ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || packages+=(postgresql)
  # Accounting software that reads what the finance desk exports.
  need ledger ledger
  need bean-check beancount
  # The processor's own client, which keeps the tests' double of it honest.
  /usr/bin/python3 -c 'import stripe' >/dev/null 2>&1 || packages+=(python3-stripe)
fi
node_ok() { command -v node >/dev/null 2>&1 && [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ]; }
if ! node_ok; then
  command -v npm >/dev/null 2>&1 || packages+=(npm)
fi

if [ ${#packages[@]} -gt 0 ]; then
  if [ "$(id -u)" != 0 ]; then
    echo "missing Debian packages: ${packages[*]}" >&2
    echo "install them with: sudo apt-get install -y ${packages[*]}" >&2
    exit 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  # PostgreSQL's package would start a server of its own; tests start theirs.
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
fi

if ! node_ok; then
  # Debian's Node is older than 20: npm carries a newer one as a package.
  prefix="${XDG_DATA_HOME:-$HOME/.local/share}/gpuaas-node"
  npm install --silent --prefix "$prefix" node@20 >/dev/null
  echo "Node.js 20 is in $prefix/node_modules/.bin; put it first in PATH" >&2
  export PATH="$prefix/node_modules/.bin:$PATH"
fi

if ! command -v cargo >/dev/null 2>&1; then
  echo "missing: a Rust toolchain (rustup.rs); rust-toolchain.toml names the version" >&2
  exit 1
fi
if [ "$what" = test ] && ! cargo nextest --version >/dev/null 2>&1; then
  cargo install --locked cargo-nextest
fi
if [ ! -e web/node_modules/.package-lock.json ] || [ web/package-lock.json -nt web/node_modules/.package-lock.json ]; then
  (cd web && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --ignore-scripts --no-audit --no-fund --silent && touch node_modules/.package-lock.json)
fi
