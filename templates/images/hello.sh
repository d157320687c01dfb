#!/bin/sh
# Answers every HTTP request with the pod's name: the smallest proof that a Service reaches a pod.
set -e
mkdir -p /tmp/www
echo "hello from $(hostname)" >/tmp/www/index.html
httpd -f -p "${PORT:-8080}" -h /tmp/www &
# The kernel drops signals that PID 1 has no handler for: without this the pod's whole grace period would pass.
trap 'kill $!; exit 0' TERM INT
wait $!
