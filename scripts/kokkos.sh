# SPDX-License-Identifier: BSD-3-Clause
# Builds Kokkos and Kokkos Kernels into the cache folder: from Debian's `trilinos` source package,
# or from the folder that TIDEMARK_KOKKOS_SOURCE names. Sourced by scripts/bootstrap after
# scripts/lib.sh.
# shellcheck shell=bash
: "${tidemark_root:?scripts/lib.sh comes first}"

# Set to "cuda" by bootstrap --cuda.
kokkos_for="${kokkos_for:-host}"

# Options of both packages. Kokkos 3.4 uses types of <cstdint> that g++ 13 and newer no longer
# declare by accident. Debian has a patch for this, in an archive that not every mirror has.
common_options=(-DCMAKE_BUILD_TYPE=Release "-DCMAKE_CXX_FLAGS=-include cstdint"
  -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_LIBDIR=lib)
# Ranks run on OpenMP. Serial is there for comparison.
kokkos_options=(-DKokkos_ENABLE_OPENMP=ON -DKokkos_ENABLE_SERIAL=ON
  -DKokkos_ENABLE_TESTS=OFF -DKokkos_ENABLE_EXAMPLES=OFF)
# Tidemark only uses the products of the BLAS behind Kokkos Kernels. So it needs no instantiations
# ahead of time and no LAPACK, and only this one component. Versions before 4.0 and later ones name
# the option for the component differently.
kernels_options=(-DKokkosKernels_ADD_DEFAULT_ETI=OFF -DKokkosKernels_ENABLED_COMPONENTS=BLAS
  -DKokkosKernels_ENABLE_ALL_COMPONENTS=OFF -DKokkosKernels_ENABLE_COMPONENT_BLAS=ON
  -DKokkosKernels_ENABLE_TPL_LAPACK=OFF
  -DKokkosKernels_ENABLE_TESTS=OFF -DKokkosKernels_ENABLE_EXAMPLES=OFF)
if [[ "$kokkos_for" == cuda ]]; then
  # As docs/gpu.md says. The products are those of cuBLAS.
  cuda_arch="${TIDEMARK_CUDA_ARCH:-HOPPER90}"
  kokkos_options+=(-DKokkos_ENABLE_CUDA=ON "-DKokkos_ARCH_$cuda_arch=ON"
    -DKokkos_ENABLE_IMPL_CUDA_MALLOC_ASYNC=OFF)
else
  # The options give the names of OpenBLAS's symbols, because CMake would need a Fortran compiler to
  # find them.
  kernels_options+=(-DKokkosKernels_ENABLE_TPL_BLAS=ON "-DF77_BLAS_MANGLE=(name,NAME) name ## _")
fi

release_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# Debian keeps every variant of OpenBLAS in a separate folder. Its alternatives decide at run time
# which libopenblas.so.0 is loaded. A link to the folder of one variant decides it here.
openblas_folder() { printf '/usr/lib/%s/openblas-openmp\n' "$(g++ -print-multiarch)"; }

# The key differs if the finished build would differ: by options, source, compiler, release or
# processor family.
build_key() {
  printf '%s\n' "${common_options[@]}" "${kokkos_options[@]}" "${kernels_options[@]}" \
    "$(openblas_folder)" "${TIDEMARK_KOKKOS_SOURCE:-}" \
    "$(release_codename)" "$(g++ -dumpfullversion)" "$(uname -m)" | sha256sum | cut -c 1-12
}

# Prints the folder of the finished build; status 1 if there is none.
built_kokkos() {
  local folder
  for folder in "$TIDEMARK_CACHE/kokkos-$kokkos_for"-*-"$(build_key)"; do
    [[ -d "$folder" ]] || return 1
    printf '%s\n' "$folder"
    return 0
  done
}

# CMake looks into `kokkos-host` or `kokkos-cuda` of the cache folder. A rename replaces the link in
# one step, so a concurrent build always finds a link.
point_to_kokkos() {
  local link="$TIDEMARK_CACHE/kokkos-$kokkos_for"
  [[ "$(readlink "$link" || true)" != "${1##*/}" ]] || return 0
  ln -sfn "${1##*/}" "$link.$$"
  mv -fT "$link.$$" "$link"
}

# Names that an apt entry may give this release, the most likely first. The system's own name for it
# comes first, but the entries may use an alias.
suite_names() { printf '%s\n' "$(release_codename)" stable oldstable testing unstable sid; }

# write_source_lists FOLDER SUITE: writes the system's own entries for SUITE again as deb-src. They
# have the same mirrors and the same keys, so apt checks signatures as usual. Status 1 if there are
# none.
write_source_lists() {
  local folder="$1" suite="$2" file APT_LIST="" APT_PARTS=""
  eval "$(apt-config shell APT_LIST Dir::Etc::sourcelist/f APT_PARTS Dir::Etc::sourceparts/d)"
  for file in "$APT_LIST" "${APT_PARTS%/}"/*.list; do
    [[ ! -f "$file" ]] || awk -v suite="$suite" -f "$tidemark_root/scripts/deb-src.awk" "$file"
  done >"$folder/lines.list"
  for file in "${APT_PARTS%/}"/*.sources; do
    [[ ! -f "$file" ]] || awk -v suite="$suite" -v stanzas=1 -v RS= -v FS='\n' \
      -f "$tidemark_root/scripts/deb-src.awk" "$file"
  done >"$folder/stanzas.sources"
  [[ -s "$folder/lines.list" || -s "$folder/stanzas.sources" ]]
}

# Runs apt-get with separate entries, lists and caches below folder $1. Those of the system stay
# unchanged.
private_apt() {
  local folder="$1"
  shift
  apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/sources" \
    -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" "$@"
}

# Downloads `trilinos` of one suite to folder $1. The archive of the upstream files is enough, and
# some mirrors lack the other files of a source package. Its checksum is in the signed index.
download_trilinos() {
  local folder="$1" log="$2" suite="$3"
  say "fetching the source package trilinos of $suite (166 MB)"
  # A mirror without source packages must not prevent the use of the others.
  logged "$log" private_apt "$folder" update ||
    say "not every package source serves sources; going on"
  logged "$log" private_apt "$folder" source --download-only --tar-only trilinos
}

# Extracts the two sub-packages of the release's `trilinos` to folder $1/source.
fetch_kokkos_source() {
  local folder="$1" log="$2" suite tried=()
  mkdir -p "$folder"/{sources,source,lists/partial,cache/archives/partial}
  cd "$folder"
  for suite in $(suite_names); do
    write_source_lists "$folder/sources" "$suite" || continue
    tried+=("$suite")
    download_trilinos "$folder" "$log" "$suite" || continue
    logged "$log" tar -xf trilinos_*.orig.tar.* -C source --strip-components=2 --wildcards \
      '*/packages/kokkos' '*/packages/kokkos-kernels'
    rm -f trilinos_*
    return
  done
  if ((${#tried[@]} == 0)); then say "apt has no entry for $(suite_names | paste -sd ' ')"; fi
  die "nowhere to take Kokkos from: name a folder with its source in TIDEMARK_KOKKOS_SOURCE, or a" \
    "finished one in Kokkos_ROOT and KokkosKernels_ROOT"
}

# kokkos_version SOURCE: prints the version that its CMakeLists.txt sets.
kokkos_version() {
  sed -nE 's/^ *set\(Kokkos_VERSION_(MAJOR|MINOR|PATCH) 0*([0-9]+)\).*/\2/pI' \
    "$1/CMakeLists.txt" | paste -sd .
}

# The newest standard that a version was released for. Headers of 3.4 also compile as C++20.
standard_options() {
  case "$1" in
    3.*) printf '%s\n' -DKokkos_CXX_STANDARD=17 -DCMAKE_CXX_STANDARD=17 ;;
    *) printf '%s\n' -DCMAKE_CXX_STANDARD=20 ;;
  esac
}

# cmake_install LOG SOURCE BUILD [CMake argument]...: installs into DESTDIR, in a clean environment.
cmake_install() {
  local log="$1" source="$2" build="$3"
  shift 3
  logged "$log" env -u BLAS_ROOT -u CXXFLAGS -u LDFLAGS \
    cmake -G Ninja -S "$source" -B "$build" -Wno-dev "$@"
  logged "$log" cmake --build "$build" --parallel "$(build_jobs)"
  logged "$log" cmake --install "$build"
}

# Builds in a temporary folder, and moves the finished installation into the cache in one step. So
# an interrupted build leaves nothing incomplete. The lock keeps two bootstraps from building the
# same thing twice.
build_kokkos() (
  set -e
  exec 9>"$TIDEMARK_CACHE/lock"
  flock 9
  [[ -z "$(built_kokkos)" ]] || exit 0
  rm -rf "$TIDEMARK_CACHE"/.build.*
  log="$TIDEMARK_CACHE/kokkos.log"
  : >"$log"
  work="$(mktemp -d "${TMPDIR:-/tmp}/tidemark.XXXXXX")"
  stage="$(mktemp -d "$TIDEMARK_CACHE/.build.XXXXXX")"
  trap 'rm -rf "$work" "$stage"' EXIT
  trap 'exit 1' HUP INT TERM
  chmod 755 "$work"  # apt downloads as a separate user

  source="${TIDEMARK_KOKKOS_SOURCE:-}"
  if [[ -z "$source" ]]; then
    (fetch_kokkos_source "$work" "$log")
    source="$work/source"
  fi
  for part in kokkos kokkos-kernels; do
    [[ -f "$source/$part/CMakeLists.txt" ]] ||
      die "TIDEMARK_KOKKOS_SOURCE=$source: $part/CMakeLists.txt is not there"
  done
  version="$(kokkos_version "$source/kokkos")"
  prefix="$TIDEMARK_CACHE/kokkos-$kokkos_for-$version-$(build_key)"
  mapfile -t standard < <(standard_options "$version")
  compiler=() blas=()
  if [[ "$kokkos_for" == cuda ]]; then
    # CMake tests the compiler before Kokkos sets the architecture. The wrapper then uses its
    # default, which current versions of nvcc no longer have. The digits at the end of the name are
    # the architecture.
    sed "s/^default_arch=.*/default_arch=sm_${cuda_arch##*[!0-9]}/" \
      "$source/kokkos/bin/nvcc_wrapper" >"$work/nvcc_wrapper"
    chmod 755 "$work/nvcc_wrapper"
    compiler=(-DCMAKE_CXX_COMPILER="$work/nvcc_wrapper")
  else
    blas=(-DBLAS_LIBRARIES=openblas -DBLAS_LIBRARY_DIRS="$(openblas_folder)")
  fi
  export DESTDIR="$stage"

  say "building Kokkos $version for $kokkos_for ($(build_jobs) jobs)"
  cmake_install "$log" "$source/kokkos" "$work/build-kokkos" -DCMAKE_INSTALL_PREFIX="$prefix" \
    "${compiler[@]}" "${common_options[@]}" "${standard[@]}" "${kokkos_options[@]}"
  say "building Kokkos Kernels"
  cmake_install "$log" "$source/kokkos-kernels" "$work/build-kernels" \
    -DCMAKE_INSTALL_PREFIX="$prefix" "${compiler[@]}" "${common_options[@]}" "${standard[@]}" \
    "${kernels_options[@]}" "${blas[@]}" -DKokkos_DIR="$stage$prefix/lib/cmake/Kokkos"
  # Kokkos Kernels has stored where it found Kokkos. That is the stage, which will be removed.
  sed -i "s|$stage$prefix|$prefix|g" \
    "$stage$prefix/lib/cmake/KokkosKernels/KokkosKernelsConfig.cmake"
  if [[ "$kokkos_for" == cuda ]]; then
    cp "$work/nvcc_wrapper" "$stage$prefix/bin/nvcc_wrapper"
    grep -rl "$work/nvcc_wrapper" "$stage$prefix/lib/cmake" "$stage$prefix/bin" |
      xargs -r sed -i "s|$work/nvcc_wrapper|$prefix/bin/nvcc_wrapper|g"
  fi
  mv -T "$stage$prefix" "$prefix"
)
