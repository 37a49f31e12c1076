// SPDX-License-Identifier: BSD-3-Clause
// Kokkos, from its start to its end.
#pragma once

#include <optional>
#include <vector>

namespace tidemark::cli {

/// Starts Kokkos in the constructor and ends it in the destructor.
///
/// Kokkos sees its own options alone (`--kokkos-...`): it would take --help and --threads for its
/// own, and print on every rank.
class KokkosSession {
 public:
  /// `arguments`: the whole command line. `device`: the device of this rank; an option of Kokkos
  /// may name another one. `speaks`: Kokkos may print warnings in this process. On a host it prints
  /// none, since Tidemark itself warns of crowded cores, once for all ranks. Throws InputError
  /// where Kokkos refuses its options.
  KokkosSession(const std::vector<char*>& arguments, std::optional<int> device, bool speaks);
  ~KokkosSession();
  KokkosSession(const KokkosSession&) = delete;
  KokkosSession& operator=(const KokkosSession&) = delete;

  /// The command line without what Kokkos took. An unknown option of Kokkos is still in it, so that
  /// the parser refuses it like any other.
  [[nodiscard]] const std::vector<char*>& own_arguments() const { return own_arguments_; }

 private:
  std::vector<char*> own_arguments_;
};

}  // namespace tidemark::cli
