#!/usr/bin/env bash
# CodeDeploy's ApplicationStart hook: it fails when this fails, and the old release goes on serving.
set -euo pipefail

PATH=$PATH:/usr/local/bin
cd /home/ec2-user/temp
exec bgdeploy --progress plain deploy --tag "$DEPLOYMENT_ID"
