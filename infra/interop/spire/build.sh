#!/usr/bin/env bash
# Builds spire-server and spire-agent, of the version that go.mod and go.sum beside this file pin, into a folder
# (.credence/tools/spire unless named). Needs go 1.25.3 or newer and a C compiler (SQLite). Of the plugins that are compiled
# in, only those that the tests use stay: that halves the build, and nothing else is changed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
into=${1:-$here/../../../.credence/tools/spire}
mkdir -p "$into"
into=$(cd "$into" && pwd)
cd "$here"
export GOFLAGS='-mod=readonly -buildvcs=false' GOTOOLCHAIN=local CGO_ENABLED=1 CGO_CFLAGS=-O1

go mod download github.com/spiffe/spire
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$(go list -m -f '{{.Dir}}' github.com/spiffe/spire)/." "$work"
chmod -R u+w "$work"
cd "$work"
for catalog in pkg/server/catalog/*.go pkg/agent/catalog/*.go; do
  awk '/\/plugin\/[a-z0-9]+\/[a-z0-9]+"$|BuiltIn\(\),$/ && !/[\/\t](jointoken|memory|uniqueid|unix)("|\.BuiltIn)/ { next } 1' "$catalog" >"$catalog.new"
  mv "$catalog.new" "$catalog"
done
go build -ldflags='-s -w' -o "$into/" ./cmd/spire-server ./cmd/spire-agent
