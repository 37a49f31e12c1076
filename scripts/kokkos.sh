# Builds Kokkos and Kokkos Kernels from Debian's `trilinos` source package into the cache folder;
# sourced by scripts/bootstrap after scripts/lib.sh.
# shellcheck shell=bash
: "${tidemark_root:?scripts/lib.sh comes first}"

# OpenMP is what ranks run on; Serial is there to hold it against. C++17 is the newest standard that
# Kokkos 3.4 was released for; its headers compile as C++20 all the same.
kokkos_options=(-DCMAKE_BUILD_TYPE=Release -DKokkos_CXX_STANDARD=17
  -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_LIBDIR=lib
  -DKokkos_ENABLE_OPENMP=ON -DKokkos_ENABLE_SERIAL=ON
  -DKokkos_ENABLE_TESTS=OFF -DKokkos_ENABLE_EXAMPLES=OFF)
# Tidemark takes its products from the BLAS behind Kokkos Kernels: no instantiations ahead of time,
# no LAPACK, and of all its components only that one. The names of OpenBLAS's symbols are given,
# since a Fortran compiler would be needed to find them out.
kernels_options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_STANDARD=17
  -DBUILD_SHARED_LIBS=OFF -DCMAKE_POSITION_INDEPENDENT_CODE=ON -DCMAKE_INSTALL_LIBDIR=lib
  -DKokkosKernels_ADD_DEFAULT_ETI=OFF -DKokkosKernels_ENABLED_COMPONENTS=BLAS
  -DKokkosKernels_ENABLE_TPL_BLAS=ON -DKokkosKernels_ENABLE_TPL_LAPACK=OFF
  "-DF77_BLAS_MANGLE=(name,NAME) name ## _"
  -DKokkosKernels_ENABLE_TESTS=OFF -DKokkosKernels_ENABLE_EXAMPLES=OFF)

release_codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# Debian keeps every flavour of OpenBLAS in a folder of its own, and its alternatives decide at run
# time whose libopenblas.so.0 is loaded; a link to the flavour's own folder decides it here.
openblas_folder() { printf '/usr/lib/%s/openblas-openmp\n' "$(g++ -print-multiarch)"; }

# Differs wherever the finished build would: options, compiler, release, processor family.
build_key() {
  printf '%s\n' "${kokkos_options[@]}" "${kernels_options[@]}" "$(openblas_folder)" \
    "$(release_codename)" "$(g++ -dumpfullversion)" "$(uname -m)" | sha256sum | cut -c 1-12
}

# Prints the folder of the finished build; status 1 if there is none.
built_kokkos() {
  local folder
  for folder in "$TIDEMARK_CACHE"/kokkos-*-"$(build_key)"; do
    [[ -d "$folder" ]] || return 1
    printf '%s\n' "$folder"
    return 0
  done
}

# CMakeLists.txt looks into `kokkos` of the cache folder. A rename replaces the link in one step, so
# a build that runs beside this never finds it gone.
point_to_kokkos() {
  local link="$TIDEMARK_CACHE/kokkos"
  [[ "$(readlink "$link" || true)" != "${1##*/}" ]] || return 0
  ln -sfn "${1##*/}" "$link.$$"
  mv -fT "$link.$$" "$link"
}

# The system's own entries for its own release, written again as deb-src: same mirrors, same keys,
# so apt checks signatures as it always does.
write_source_lists() {
  local folder="$1" file APT_LIST="" APT_PARTS=""
  eval "$(apt-config shell APT_LIST Dir::Etc::sourcelist/f APT_PARTS Dir::Etc::sourceparts/d)"
  for file in "$APT_LIST" "${APT_PARTS%/}"/*.list; do
    [[ ! -f "$file" ]] || awk -v suite="$(release_codename)" \
      -f "$tidemark_root/scripts/deb-src.awk" "$file"
  done >"$folder/lines.list"
  for file in "${APT_PARTS%/}"/*.sources; do
    [[ ! -f "$file" ]] || awk -v suite="$(release_codename)" -v stanzas=1 -v RS= -v FS='\n' \
      -f "$tidemark_root/scripts/deb-src.awk" "$file"
  done >"$folder/stanzas.sources"
}

# apt-get with entries, lists and caches of its own below folder $1; the system's stay untouched.
private_apt() {
  local folder="$1"
  shift
  apt-get -o Dir::Etc::sourcelist=/dev/null -o Dir::Etc::sourceparts="$folder/sources" \
    -o Dir::State::lists="$folder/lists" -o Dir::Cache="$folder/cache" "$@"
}

# Downloads the source package to folder $1 and extracts its two sub-packages there. Debian's
# patches are left out: in the two they touch nothing but the build of their tests.
fetch_kokkos_source() {
  local folder="$1" log="$2"
  mkdir -p "$folder"/{sources,lists/partial,cache/archives/partial}
  write_source_lists "$folder/sources"
  cd "$folder"
  say "fetching the source package trilinos (166 MB)"
  # A mirror without source packages must not keep the others from serving.
  logged "$log" private_apt "$folder" update ||
    say "not every package source serves sources; going on"
  logged "$log" private_apt "$folder" source --download-only trilinos ||
    die "no package source of this system serves trilinos: set Kokkos_ROOT and KokkosKernels_ROOT"
  logged "$log" tar -xf trilinos_*.orig.tar.* --strip-components=1 --wildcards \
    '*/packages/kokkos' '*/packages/kokkos-kernels'
  rm -f trilinos_*
}

# cmake_install LOG SOURCE BUILD [CMake argument]...: into DESTDIR, from a clean environment.
cmake_install() {
  local log="$1" source="$2" build="$3"
  shift 3
  logged "$log" env -u BLAS_ROOT -u CXXFLAGS -u LDFLAGS \
    cmake -G Ninja -S "$source" -B "$build" -Wno-dev "$@"
  logged "$log" cmake --build "$build" --parallel "$(build_jobs)"
  logged "$log" cmake --install "$build"
}

# Builds in a temporary folder, and moves the finished installation into the cache in one step: an
# interrupted build leaves nothing half-done. The lock keeps two bootstraps from doing it twice.
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
  chmod 755 "$work"  # apt downloads as a user of its own

  (fetch_kokkos_source "$work" "$log")
  version="$(sed -nE 's/^ *set\(Kokkos_VERSION_(MAJOR|MINOR|PATCH) 0*([0-9]+)\).*/\2/pI' \
    "$work/packages/kokkos/CMakeLists.txt" | paste -sd .)"
  prefix="$TIDEMARK_CACHE/kokkos-$version-$(build_key)"
  export DESTDIR="$stage"

  say "building Kokkos $version ($(build_jobs) jobs)"
  cmake_install "$log" "$work/packages/kokkos" "$work/build-kokkos" \
    -DCMAKE_INSTALL_PREFIX="$prefix" "${kokkos_options[@]}"
  say "building Kokkos Kernels"
  cmake_install "$log" "$work/packages/kokkos-kernels" "$work/build-kernels" \
    -DCMAKE_INSTALL_PREFIX="$prefix" "${kernels_options[@]}" \
    -DKokkos_DIR="$stage$prefix/lib/cmake/Kokkos" \
    -DBLAS_LIBRARIES=openblas -DBLAS_LIBRARY_DIRS="$(openblas_folder)"
  # Kokkos Kernels wrote down where it found Kokkos: the stage, which is about to go.
  sed -i "s|$stage$prefix|$prefix|g" \
    "$stage$prefix/lib/cmake/KokkosKernels/KokkosKernelsConfig.cmake"
  mv -T "$stage$prefix" "$prefix"
)
