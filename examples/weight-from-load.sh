#!/bin/bash
# weight-from-load.sh
#
# Makes the agent's weight the share of the processors that is free: 100 on an idle host, 1 where the
# load average of the last minute reaches the number of cores. Status and maxconn stay. For cron:
#
#   * * * * * root /usr/local/bin/weight-from-load.sh
#
# Environment:
#   HAPGENT_STATE_FILE  the agent's state file (/etc/hapgent/state.json)
#   AGENT               the agent: a process name (hapgent), a pid, or a unit, hapgent@web.service
#   LOADAVG, CORES      where to read the load (/proc/loadavg), and the number of cores (nproc)
#
# It takes the lock of the agent's own saving, which is the directory's. So a USR1 or USR2 that comes meanwhile is saved after
# it, and is never lost; the new weight can be, until the next run. What remains: where the disk keeps
# the lock for over a second, the agent logs that it did not save, and the HUP undoes that signal.
set -euo pipefail

die() {
  echo "weight-from-load.sh: $1" >&2
  exit 1
}

signal_agent() {
  case $AGENT in
    *.service) systemctl kill --signal="$1" "$AGENT" ;;
    *[!0-9]*) pkill "-$1" -x "$AGENT" ;;
    *) kill "-$1" "$AGENT" ;;
  esac
}

AGENT=${AGENT:-hapgent} LOADAVG=${LOADAVG:-/proc/loadavg} CORES=${CORES:-$(nproc)}
export HAPGENT_STATE_FILE=${HAPGENT_STATE_FILE:-/etc/hapgent/state.json}
file=$(readlink -e -- "$HAPGENT_STATE_FILE") || file=''
[[ -f $file ]] || die "HAPGENT_STATE_FILE must be a file, found \"$HAPGENT_STATE_FILE\""
[[ $CORES =~ ^[1-9][0-9]{0,4}$ ]] || die "CORES must be a number from 1 to 99999, found \"$CORES\""
read -r load _ <"$LOADAVG" || die "LOADAVG must be a file such as /proc/loadavg, found \"$LOADAVG\""
[[ $load =~ ^[0-9]{1,9}\.[0-9]{2}$ ]] || die "$LOADAVG: expected a load average such as 0.25, found \"$load\""
weight=$((100 - 10#${load/./} / CORES))
((weight >= 1)) || weight=1

directory=${file%/*}
exec 9<"$directory/" || die "cannot read $directory"
flock --wait 5 9 || die "another process has had the lock of $directory for 5 s"
trap 'rm -f -- ${new:+"$new"}' EXIT

answer=$(hapgent --check) || die "the state is left as it is"
[[ $answer =~ ^([A-Z]+)(\ [0-9]+%)?(\ maxconn:([0-9]+))?$ ]] || die "expected a state such as \"UP 77%\", found \"$answer\""
status=${BASH_REMATCH[1]} maxconn=${BASH_REMATCH[4]}
wanted="$status $weight%${maxconn:+ maxconn:$maxconn}"
[[ $answer != "$wanted" ]] || exit 0

new=$(mktemp -- "$directory/.${file##*/}.XXXXXX")
echo "{\"status\":\"$status\",\"weight\":$weight${maxconn:+,\"maxconn\":$maxconn}}" >"$new"
[[ $(HAPGENT_STATE_FILE=$new hapgent --check) == "$wanted" ]] || die "the new state is wrong, the old one stands"
chown --reference="$file" -- "$new"
chmod --reference="$file" -- "$new"
sync -- "$new"
mv -fT -- "$new" "$file"
signal_agent HUP || die "the weight is written, but agent \"$AGENT\" cannot be told"
