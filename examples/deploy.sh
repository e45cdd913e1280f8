#!/bin/bash
# deploy.sh SERVICE COMMAND [ARGUMENT...]
#
# Deploys a service on this host, one of several behind HAProxy: takes the host out of the balancer,
# stops the systemd unit SERVICE, runs COMMAND to put the new version in place, starts SERVICE and
# puts the host back. If a step fails, the host stays out, and answers STOPPED, until the next
# deployment. A host that answers anything but UP, READY or STOPPED before is out on purpose, and
# stays out. Deploy one host after the other.
#
# Environment:
#   INSTANCE  the agent of the service, as hapgentctl names it: a port, or an instance's name (the
#             host's only agent)
#   WAIT      seconds that HAProxy takes to notice a change (15): agent-inter, and after the start
#             rise x inter of its health check; at least the duration of the longest request
#   HEALTH    command that succeeds when the service works (systemctl is-active --quiet SERVICE)
#   TIMEOUT   seconds within which HEALTH must succeed (60)
set -euo pipefail

die() {
  echo "deploy.sh: $1" >&2
  exit 2
}

(($# >= 2)) || die "expected SERVICE COMMAND [ARGUMENT...], found $# arguments"
service=$1
shift
INSTANCE=${INSTANCE:-} WAIT=${WAIT:-15} TIMEOUT=${TIMEOUT:-60}
HEALTH=${HEALTH:-systemctl is-active --quiet $(printf %q "$service")}
[[ $WAIT =~ ^[0-9]+$ ]] || die "WAIT must be a number of seconds, found \"$WAIT\""
[[ $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die "TIMEOUT must be a number of seconds above 0, found \"$TIMEOUT\""

agent() {
  hapgentctl ${INSTANCE:+-i "$INSTANCE"} "$@"
}

step() {
  now=$1
  echo "deploy.sh: $now"
}

now='' left='nothing was changed'
trap '[[ -z $now ]] || echo "deploy.sh: failed at: $now; $left" >&2' EXIT

step "asking the agent${INSTANCE:+ $INSTANCE}"
answer=$(agent ask)
if [[ $answer =~ ^(UP|READY|STOPPED)( |$) ]]; then
  step "taking the host out of the balancer"
  left="the host may be out of the balancer: hapgentctl show"
  agent stopped
  left="the host stays out of the balancer until the next deployment, or hapgentctl up"
  sleep "$WAIT"
else
  step "leaving the host out of the balancer, where it is on purpose: $answer"
  left="the host stays out of the balancer"
fi
step "stopping $service"
systemctl stop "$service"
step "deploying: $*"
"$@"
step "starting $service"
systemctl start "$service"
step "waiting up to $TIMEOUT s for its health: $HEALTH"
timeout "$TIMEOUT" bash -c "until $HEALTH; do sleep 1; done"
if [[ $answer =~ ^(UP|READY|STOPPED)( |$) ]]; then
  step "putting the host back into the balancer"
  agent up
  sleep "$WAIT"
fi
now=''
echo "deploy.sh: $service is deployed"
