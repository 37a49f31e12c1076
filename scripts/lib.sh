# Shell parts that the scripts share; sourced, never run. Callers have set -euo pipefail.
# shellcheck shell=bash

tidemark_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Exported, so that CMakeLists.txt looks where bootstrap built to.
export TIDEMARK_CACHE="${TIDEMARK_CACHE:-${HOME:-/tmp}/.cache/tidemark}"

# Progress goes to stderr: a script's stdout is free for what it answers.
say() { printf '[%s] %s\n' "${0##*/}" "$*" >&2; }

die() {
  say "error: $*"
  exit 1
}

has() { command -v "$1" >/dev/null 2>&1; }

# logged LOG COMMAND...: keeps long output off the screen, but shows its end if COMMAND fails.
logged() {
  local log="$1" status=0
  shift
  printf '+ %s\n' "$*" >>"$log"
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  if ((status != 0)); then
    say "failed with status $status: $*"
    tail -n 40 "$log" >&2
    say "the whole log: $log"
  fi
  return "$status"
}

# nproc would count OMP_NUM_THREADS for cores.
core_count() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

# A compiler of Kokkos code needs up to 2 GiB. The memory free now counts, not all there is: other
# programs may have the rest.
build_jobs() {
  local jobs cores
  if [[ -n "${TIDEMARK_JOBS:-}" ]]; then
    printf '%s\n' "$TIDEMARK_JOBS"
    return
  fi
  jobs="$(awk '/^MemAvailable:/ { print int($2 / 2097152) }' /proc/meminfo)"
  cores="$(core_count)"
  ((jobs < cores)) || jobs=$cores
  ((jobs >= 1)) || jobs=1
  printf '%s\n' "$jobs"
}

# configure_and_build PRESET [CMake argument]... [-- TARGET...]; all targets if none is named.
configure_and_build() {
  local preset="$1" arguments=() targets=()
  shift
  while (($# > 0)) && [[ "$1" != -- ]]; do
    arguments+=("$1")
    shift
  done
  if (($# > 1)); then targets=(--target "${@:2}"); fi
  cd "$tidemark_root" || return
  mkdir -p build
  : >"build/$preset.log"
  say "configuring and building $preset ($(build_jobs) jobs)"
  logged "build/$preset.log" cmake --preset "$preset" "${arguments[@]}"
  cmake --build --preset "$preset" --parallel "$(build_jobs)" "${targets[@]}" >&2
}
