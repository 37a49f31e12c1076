// SPDX-License-Identifier: BSD-3-Clause
// Start and end of Kokkos.
#pragma once

#include <optional>
#include <vector>

namespace tidemark::cli {

/// Starts Kokkos in the constructor and ends it in the destructor.
///
/// Kokkos sees only its own options (`--kokkos-...`). Otherwise it would take --help and --threads
/// for its own options, and print on every rank.
class KokkosSession {
 public:
  /// `arguments`: the whole command line. `device`: the device of this rank; an option of Kokkos
  /// may name another one. `speaks`: Kokkos may print warnings in this process. On a host it prints
  /// none, because Tidemark itself warns of crowded cores, once for all ranks. Throws InputError if
  /// Kokkos refuses its options.
  KokkosSession(const std::vector<char*>& arguments, std::optional<int> device, bool speaks);
  ~KokkosSession();
  KokkosSession(const KokkosSession&) = delete;
  KokkosSession& operator=(const KokkosSession&) = delete;

  /// The command line without the options that Kokkos accepted. An unknown option of Kokkos
  /// remains, so that the parser refuses it like any other.
  [[nodiscard]] const std::vector<char*>& own_arguments() const { return own_arguments_; }

 private:
  std::vector<char*> own_arguments_;
};

}  // namespace tidemark::cli
