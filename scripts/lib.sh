# SPDX-License-Identifier: BSD-3-Clause
# Shell functions that the scripts share. This file is sourced, never run. Callers have set -euo
# pipefail.
# shellcheck shell=bash

tidemark_root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
# Exported, so that CMakeLists.txt looks in the folder that bootstrap builds into.
export TIDEMARK_CACHE="${TIDEMARK_CACHE:-${HOME:-/tmp}/.cache/tidemark}"

# Progress goes to stderr, so that a script's stdout has only its results.
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

# nproc would return OMP_NUM_THREADS instead of the number of cores.
core_count() { env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc; }

# A compiler of Kokkos code needs up to 2 GiB. Only memory that is free now counts, because other
# programs may use the rest.
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

# launcher_kind MPIRUN: prints openmpi4 (or older), openmpi5 (or newer), mpich, intel or unknown,
# depending on the version text of the launcher.
launcher_kind() {
  local said
  said="$("$1" --version 2>/dev/null || true)"
  case "$said" in
    *"Intel(R) MPI"*) echo intel ;;
    *HYDRA*) echo mpich ;;
    *"(Open MPI) "[1-4].* | *"(OpenRTE) "[1-4].*) echo openmpi4 ;;
    *"Open MPI"* | *OpenRTE* | *PRRTE*) echo openmpi5 ;;
    *) echo unknown ;;
  esac
}

# Open MPI refuses to start as root unless two variables allow it.
allow_root() {
  if [[ "$(id -u)" == 0 ]]; then
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  fi
}

# launch_here MPIRUN RANKS: sets the array `launch` to a command line that starts RANKS ranks on
# this machine, even if it has fewer cores. It exports the variables that this launcher needs. Each
# rank is bound to a core if there are enough cores and ranks have one thread (OMP_NUM_THREADS).
# Ranks that are not bound are slower, and their times vary more.
launch_here() {
  local mpirun="$1" ranks="$2" kind bound=0
  kind="$(launcher_kind "$mpirun")"
  if (($(core_count) >= ranks && ${OMP_NUM_THREADS:-1} == 1)); then bound=1; fi
  launch=("$mpirun" -n "$ranks")
  case "$kind" in
    openmpi*)
      allow_root
      # Its other method of comparing networks needs a network to the outside. Without one, every
      # rank prints a message.
      export OMPI_MCA_reachable="${OMPI_MCA_reachable:-weighted}"
      if [[ "$kind" == openmpi4 ]]; then launch+=(--oversubscribe); else launch+=(--map-by :oversubscribe); fi
      if ((bound)); then launch+=(--bind-to core:overload-allowed); else launch+=(--bind-to none); fi
      ;;
    mpich)
      if ((bound)); then launch+=(-bind-to core); else launch+=(-bind-to none); fi
      ;;
    intel)
      # It binds unless a variable says otherwise.
      if ((!bound)); then export I_MPI_PIN="${I_MPI_PIN:-0}"; fi
      ;;
  esac
}
