#!/bin/bash
# deploy.sh SERVICE COMMAND [ARGUMENT...]
#
# Deploys a service on this host, one of several behind HAProxy: takes the host out of the balancer,
# stops the systemd unit SERVICE, runs COMMAND to put the new version in place, starts SERVICE and
# takes the host back. If a step fails, the host stays out. Deploy one host after the other.
#
# Environment:
#   AGENT    the agent of the service: a process name (hapgent), a pid, or a unit, hapgent@web.service
#   WAIT     seconds that HAProxy takes to notice a change (15): agent-inter, and after the start
#            rise x inter of its health check; and no request takes longer
#   HEALTH   command that succeeds when the service works (systemctl is-active --quiet SERVICE)
#   TIMEOUT  seconds within which it must (60)
set -euo pipefail

die() {
  echo "deploy.sh: $1" >&2
  exit 2
}

(($# >= 2)) || die "expected SERVICE COMMAND [ARGUMENT...], found $# arguments"
service=$1
shift
AGENT=${AGENT:-hapgent} WAIT=${WAIT:-15} TIMEOUT=${TIMEOUT:-60}
HEALTH=${HEALTH:-systemctl is-active --quiet $(printf %q "$service")}
[[ $WAIT =~ ^[0-9]+$ ]] || die "WAIT must be a number of seconds, found \"$WAIT\""
[[ $TIMEOUT =~ ^[1-9][0-9]*$ ]] || die "TIMEOUT must be a number of seconds above 0, found \"$TIMEOUT\""

signal_agent() {
  case $AGENT in
    *.service) systemctl kill --signal="$1" "$AGENT" ;;
    *[!0-9]*) pkill "-$1" -x "$AGENT" ;;
    *) kill "-$1" "$AGENT" ;;
  esac
}

step() {
  now=$1
  echo "deploy.sh: $now"
}

now='' left='nothing was changed'
trap '[[ -z $now ]] || echo "deploy.sh: failed at: $now; $left" >&2' EXIT

step "taking the host out of the balancer, agent $AGENT"
signal_agent USR2
left="the host stays out of the balancer until its agent gets a USR1"
sleep "$WAIT"
step "stopping $service"
systemctl stop "$service"
step "deploying: $*"
"$@"
step "starting $service"
systemctl start "$service"
step "waiting up to $TIMEOUT s for its health: $HEALTH"
timeout "$TIMEOUT" bash -c "until $HEALTH; do sleep 1; done"
step "putting the host back into the balancer"
signal_agent USR1
sleep "$WAIT"
now=''
echo "deploy.sh: $service is deployed"
