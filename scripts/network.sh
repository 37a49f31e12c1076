# SPDX-License-Identifier: BSD-3-Clause
# The network of scripts/nodes: namespaces, links of limited rate, and the check of that rate. This
# file is sourced after lib.sh, never run. It reads what scripts/nodes sets: rate, bytes, latency,
# count, stock, switch, link, scratch, and the arrays nodes and addresses. It adds each namespace to
# the array made, and sets running while a process is in the background.
# shellcheck shell=bash
# shellcheck disable=SC2154

unable() {
  say "no such network here: $*"
  exit 77
}

# set_up COMMAND...: runs a step for which the rights or a kernel module may be missing.
set_up() {
  local said
  said="$("$@" 2>&1)" || unable "'$*' says: ${said%%$'\n'*}"
}

# bytes_per_second RATE: prints the rate as tc reads it. Other sizes follow from it. Status 1 if the
# rate is less than a byte per second.
bytes_per_second() {
  [[ "${1,,}" =~ ^([0-9]+(\.[0-9]+)?)(([kmgt]?)(i?)(bit|bps))?$ ]] || return 1
  awk -v n="${BASH_REMATCH[1]}" -v prefix="${BASH_REMATCH[4]}" -v binary="${BASH_REMATCH[5]}" \
    -v unit="${BASH_REMATCH[6]}" 'BEGIN {
      rate = n * (binary ? 1024 : 1000) ^ (prefix ? index("kmgt", prefix) : 0)
      if (unit != "bps") rate /= 8
      printf "%.0f\n", rate
      exit rate < 1
    }'
}

make_namespace() {
  [[ ! -e "/run/netns/$1" ]] || unable "a namespace $1 is left of a run that was killed"
  made+=("$1")  # noted before it is made, because a signal may come in between
  set_up ip netns add "$1"
  set_up ip netns exec "$1" true  # a container may allow making it but not entering it
}

# tune_tcp NODE: TCP as clusters have it.
tune_tcp() {
  local node="$1" direction
  # The buffers hold what a rank has handed over. It travels while the rank computes.
  for direction in tcp_wmem tcp_rmem; do
    set_up ip netns exec "$node" sh -c "echo 4096 8388608 8388608 > /proc/sys/net/ipv4/$direction"
  done
  # The machine's own settings may be tuned for the internet. BBR pauses now and then to probe the
  # link. A window that shrinks in every pause of the traffic slows the message after it.
  set_up ip netns exec "$node" sh -c "echo reno > /proc/sys/net/ipv4/tcp_congestion_control"
  set_up ip netns exec "$node" sh -c "echo 0 > /proc/sys/net/ipv4/tcp_slow_start_after_idle"
}

# limit_rate NAMESPACE INTERFACE MS: the interface sends at `rate`, and packets take MS longer.
limit_rate() {
  local add=(tc -n "$1" qdisc add dev "$2") parent=(root) burst queue
  # The burst crosses at once after a pause, so it should be short. But the timer is late on cores
  # that are busy polling, and the time beyond the burst is lost. So the burst is 2 ms, and at least
  # the 64 KiB that TCP hands down in one piece. The queue holds 50 ms: with drops, the measurement
  # would show how TCP recovers from them.
  burst=$((bytes > 500 * 65536 ? bytes / 500 : 65536))
  queue="$(awk -v b="$bytes" -v ms="$3" 'BEGIN { printf "%.0f", b * (50 + 2 * ms) / 1000 }')"
  if [[ "$3" == *[1-9]* ]]; then
    set_up "${add[@]}" root handle 1: netem delay "${3}ms" limit "$((1000 + queue / 1500))"
    parent=(parent 1:1)
  fi
  set_up "${add[@]}" "${parent[@]}" tbf rate "$rate" burst "$burst" limit "$((burst + queue))"
}

# The links are made inside the namespaces, so that they are never among the links of the machine.
# With more than two nodes, two of them may send to the third at once. So its port of the switch has
# the rate of a link, too.
make_network() {
  local i node port
  make_namespace "$switch"
  set_up ip -n "$switch" link add "$link" type bridge
  set_up ip -n "$switch" link set "$link" up
  for ((i = 0; i < count; ++i)); do
    node="${nodes[i]}" port="port$i"
    make_namespace "$node"
    set_up ip -n "$node" link add "$link" type veth peer name "$port" netns "$switch"
    set_up ip -n "$node" address add "${addresses[i]}/29" dev "$link"
    set_up ip -n "$node" link set lo up
    ((stock)) || tune_tcp "$node"
    limit_rate "$node" "$link" "$latency"
    if ((count > 2)); then limit_rate "$switch" "$port" 0; fi
    set_up ip -n "$switch" link set "$port" master "$link" up
    set_up ip -n "$node" link set "$link" up
  done
}

check_rate() {
  local tool="$tidemark_root/scripts/tidemark_tools/link_rate.py" last=$((count - 1)) said
  # On a busy machine a single try may be late.
  for _ in 1 2 3; do
    running=1
    ip netns exec "${nodes[last]}" python3 "$tool" receive "${addresses[last]}" >"$scratch/rate" &
    ip netns exec "${nodes[0]}" python3 "$tool" send "${addresses[last]}" "$bytes" ||
      kill "$!" 2>/dev/null || true
    wait "$!" || true
    running=0
    said="$(<"$scratch/rate")"
    if awk -v got="${said:-0}" -v want="$bytes" \
      'BEGIN { exit !(got > 0.95 * want && got < 1.05 * want) }'; then return; fi
  done
  say "error: the link of $rate carries ${said:-0} bytes a second instead of $bytes"
  exit 3
}
