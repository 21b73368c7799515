#!/usr/bin/env bash
# Brings a running compose deployment to another version: backup, pull or build, new containers, health gate, and back
# to the old ones when the gate stays shut. Exit code 0: the new version runs; 1: the old one does.
#
#   scripts/update.sh             build what is checked out
#   scripts/update.sh 1.2.0       pull that version (GRAMWATCH_REGISTRY in .env), else build what is checked out as it
#
# Other compose files than the full stack: COMPOSE_FILE=docker-compose.prod.yml:docker-compose.lite.yml, in .env or here.
set -euo pipefail
cd "$(dirname "$0")/.."
exec 9< . # the folder, because a `git pull` may replace any file in it
flock -n 9 || { echo "Another update is running. Nothing is changed." >&2; exit 1; }
env_file=${COMPOSE_ENV_FILES:-.env}
[ ! -L "$env_file" ] || env_file=$(readlink -f "$env_file") # sed would put a file in the link's place
[ -n "${COMPOSE_FILE-}" ] || grep -qs '^COMPOSE_FILE=.' "$env_file" || export COMPOSE_FILE=docker-compose.prod.yml

ready() {
  docker compose exec -T bot /nodejs/bin/node -e \
    'fetch("http://127.0.0.1:8080/readyz").then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))'
}
gate() { # healthy containers; and ready, if it was before: an outage of Telegram must not undo an update
  docker compose up --detach --no-build --wait --wait-timeout "${UPDATE_TIMEOUT_SECONDS:-120}" bot sidecar || return 1
  healthy bot && healthy sidecar || return 1 # compose 2.26 ends some of its timeouts with 0
  [ "$was_ready" = yes ] || return 0
  local tries
  for ((tries = 0; tries < 30; tries++)); do
    if ready; then return 0; fi
    sleep 1 || return 1
  done
  return 1
}

container_of() { # stopped or not, but none of `docker compose run`
  docker compose ps --all --quiet "$1" |
    xargs -r docker inspect --format '{{if ne (index .Config.Labels "com.docker.compose.oneoff") "True"}}{{.Id}}{{end}}' |
    sed '/^$/d'
}
healthy() { [ "$(docker inspect --format '{{.State.Health.Status}}' "$(container_of "$1")")" = healthy ]; }
reread() { # compose does not look into the files that it mounts, and a running container sees those of before
  local service started
  for service in $(docker compose ps --services | grep -xE 'collector|prometheus|loki|tempo|grafana'); do
    started=$(docker inspect --format '{{.State.StartedAt}}' "$(container_of "$service")")
    [ -z "$(find otel/collector grafana/provisioning -type f -newermt "$started")" ] || docker compose restart "$service"
  done
}

backup() { # what crashes again and again may have no container to do it in
  docker compose exec -T "$1" /nodejs/bin/node /app/backup.mjs ||
    docker compose run --rm --no-deps -T "$1" /app/backup.mjs
}

was_ready=no
declare -A old
for service in bot sidecar; do
  container=$(container_of "$service")
  [ -n "$container" ] || continue
  old[$service]=$(docker inspect --format '{{.Image}}' "$container")
  echo "Backing up the $service's database …"
  if ! backup "$service"; then
    if healthy "$service"; then
      echo "No update without a backup. Nothing is changed." >&2
      exit 1
    fi
    echo "The $service is not healthy, so the update goes on without its backup." >&2
  fi
done
if [ -n "${old[bot]-}" ] && ready; then was_ready=yes; fi

version_before=${GRAMWATCH_VERSION-}
[ $# -eq 0 ] || export GRAMWATCH_VERSION=$1
image=$(docker compose config --images bot)
# As compose reads .env, with quotes and line ends of any kind: what has no prefix is never asked for at Docker Hub.
if [[ $image != gramwatch/* ]] && [ $# -gt 0 ]; then bring=pull; else bring=build; fi
GRAMWATCH_PULL=always docker compose "$bring" bot sidecar || { echo "The new version could not be had. Nothing is changed." >&2; exit 1; }

# Interrupted from here on, it still ends with one version that runs: Ctrl-C ends the waiting, and that leads back.
trap : INT TERM HUP
if gate; then
  if [ $# -gt 0 ]; then # so that a plain `docker compose up` stays with it
    touch "$env_file" && chmod 600 "$env_file"
    [ -z "$(tail -c 1 "$env_file")" ] || echo >> "$env_file" # else ours would become a part of its last line
    sed -i '/^GRAMWATCH_VERSION=/d' "$env_file" && echo "GRAMWATCH_VERSION=$1" >> "$env_file"
  fi
  # What else the new files say. A Loki that does not start is no fault of the new version.
  { docker compose up --detach --no-build && reread; } ||
    echo "Not everything else could be started: docker compose ps --all" >&2
  echo "Updated."
  exit 0
fi

echo "The new version is not healthy:" >&2
docker compose logs --tail 30 bot sidecar >&2 || true
if [ ${#old[@]} -lt 2 ]; then
  echo "There was no running version to go back to." >&2
  exit 1
fi
echo "Going back to the old one …" >&2
unset GRAMWATCH_VERSION # an empty one would hide that of .env
[ -z "$version_before" ] || export GRAMWATCH_VERSION=$version_before
# The name may be another one by now, after GRAMWATCH_REGISTRY, or a build's.
for service in bot sidecar; do docker tag "${old[$service]}" "$(docker compose config --images "$service")"; done
gate || echo "The old version is not healthy either: docker compose logs" >&2
exit 1
