#!/bin/sh
# Answers every HTTP request with the pod's name: the smallest proof that a Service reaches a pod.
set -e
mkdir -p /tmp/www
echo "hello from $(hostname)" >/tmp/www/index.html
exec httpd -f -p "${PORT:-8080}" -h /tmp/www
