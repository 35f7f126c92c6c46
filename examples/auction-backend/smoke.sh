#!/bin/sh
# Asks the release at $BGDEPLOY_URL for its health, and for its version.
set -eu
curl -fsS --max-time 5 "$BGDEPLOY_URL/api/health" | grep -q 'server is on'
curl -fsS --max-time 5 "$BGDEPLOY_URL/version"
