// SPDX-License-Identifier: BSD-3-Clause
// The processes of a job meet here to carry out collectives, in memory that they share.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace tidemark::doubles {

/// What a rank posts.
struct Post {
  enum class Kind : int { all_reduce, all_gather, reduce_scatter, exchange };
  Kind kind = Kind::all_reduce;
  int type = 0;  ///< of the elements, in NCCL's numbering
  std::size_t count = 0;
  int to = -1;                    ///< of an exchange
  int from = -1;                  ///< the same
  bool sends_registered = false;  ///< the sent data are in memory registered with the communicator
  bool receives_registered = false;  ///< the same
  std::ptrdiff_t offset = -1;        ///< of the whole message in such memory
};

/// A meeting point of up to `most_ranks` processes. Each of them maps it. The ranks carry out one
/// collective after the other, in lockstep.
class Meeting {
 public:
  static constexpr int most_ranks = 8;
  static constexpr std::size_t most_bytes = std::size_t{1} << 20;  ///< per rank

  /// Makes a meeting point. Returns the path under which others find it while this process lives.
  static std::string make();
  Meeting(const std::string& name, int rank, int ranks);
  ~Meeting();
  Meeting(const Meeting&) = delete;
  Meeting& operator=(const Meeting&) = delete;

  /// Whether every rank has come.
  [[nodiscard]] bool is_complete() const;

  /// Brings `bytes` at `data`, and waits for the posts of all ranks. Lets `take` use what they
  /// brought, and waits until all ranks have done so. Returns the differences between the posts, or
  /// nothing. Also returns nothing if it gives up because of `gives_up`.
  std::string meet(const Post& post, const void* data, std::size_t bytes,
                   const std::function<void()>& take, const std::atomic<bool>& gives_up);
  /// What a rank brought. For `take`.
  [[nodiscard]] const std::byte* brought_by(int rank) const;

 private:
  struct Seat {
    std::atomic<std::uint64_t> posted,
        taken;  ///< collectives that this rank has come to, and finished
    Post post;
    alignas(64) std::byte data[most_bytes];
  };
  struct Hall {
    std::atomic<int> present;
    Seat seats[most_ranks];
  };
  [[nodiscard]] std::string differences(const Post& own) const;
  template <class Condition>
  bool wait_for(const Condition& condition, const std::atomic<bool>& gives_up) const;

  int rank_, ranks_;
  Hall* hall_ = nullptr;
  std::uint64_t number_ = 0;  ///< of the current collective, from 1
};

}  // namespace tidemark::doubles
