// Collectives taken apart into rounds of messages and sums: the algorithms, without the transport.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/dtype.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

/// Who talks to whom. `pairwise`: every rank with every other directly, sums in rank order, rounded
/// once. `ring`: every rank with its two neighbours only (Patarasuk and Yuan, 2009), sums in the
/// ring's order, rounded at each of t - 1 stations. Both move the fewest bytes possible. `native`
/// is the library's own.
enum class Algorithm { native, pairwise, ring };
inline constexpr std::array all_algorithms{Algorithm::native, Algorithm::pairwise, Algorithm::ring};

/// Whether an algorithm differs from those before it: between two ranks a ring is the pair.
constexpr bool is_distinct(Algorithm algorithm, int ranks) noexcept {
  return algorithm != Algorithm::ring || ranks > 2;
}

/// Name as in the YAML key.
constexpr std::string_view name_of(Algorithm algorithm) noexcept {
  switch (algorithm) {
    case Algorithm::native:
      return "native";
    case Algorithm::pairwise:
      return "pairwise";
    case Algorithm::ring:
      return "ring";
  }
  return "unknown";
}

/// Whose memory: what the caller sends from (of an all-reduce, his one buffer is `recv`), what he
/// receives into, or scratch memory of the call.
enum class Place { send, recv, scratch };

/// `count` elements from the `first` one on.
struct Piece {
  Place place = Place::recv;
  std::size_t first = 0;
  std::size_t count = 0;
};

struct Message {
  int peer = 0;
  Piece piece;
};

/// out = terms[0] + terms[1] + ..., all as long as `out`; one term: a copy.
struct Sum {
  Piece out;
  std::vector<Piece> terms;
};

/// Receives and sends are posted, then sums formed meanwhile, from what earlier rounds received;
/// the next round begins when all messages of this one have arrived.
struct Round {
  std::vector<Message> receives;
  std::vector<Message> sends;
  std::vector<Sum> sums;
};

/// What one rank does. Between two ranks, messages match in the order in which they stand here.
struct Script {
  std::vector<Round> rounds;
  std::size_t scratch = 0;  ///< elements
};

/// Bytes of the segments in which own algorithms send what is summed: two of each peer's fit into a
/// second-level cache.
inline constexpr std::size_t default_segment_bytes = std::size_t{256} << 10;

/// Elements of a segment. `overlapping`: of calls that go on beside other work. Then every round
/// waits for the next poll of both ranks, so segments are large and rounds few.
constexpr std::size_t segment_of(std::size_t segment_bytes, bool overlapping, DType dtype) {
  constexpr std::size_t overlapping_bytes = std::size_t{8} << 20;
  const std::size_t bytes =
      overlapping ? std::max(segment_bytes, overlapping_bytes) : segment_bytes;
  return std::max<std::size_t>(1, bytes / size_of(dtype));
}

/// Elements of scratch memory that the script of these arguments uses, the same on every rank; 0
/// for `native`, whose memory is the library's own, and for send_recv.
std::size_t scratch_of(Operation operation, Algorithm algorithm, int ranks, std::size_t count,
                       std::size_t segment);

/// Calls `use(piece)` for the pieces of at most `largest` elements into which a message is cut, in
/// order. Both ends cut it alike. Stops at the first that does not return 0, and returns that.
template <class Use>
int for_each_cut(const Piece& message, std::size_t largest, const Use& use) {
  for (std::size_t first = 0; first < message.count; first += largest) {
    const int code =
        use(Piece{message.place, message.first + first, std::min(largest, message.count - first)});
    if (code != 0) return code;
  }
  return 0;
}

/// The script of `rank` of `ranks` for `count` elements: of the buffer for an all-reduce, of a
/// rank's block for the others. `algorithm` is not native, the operation no send_recv. Messages
/// that are summed are cut into segments of `segment` elements, so that sums are formed in the
/// cache while the next segment is under way; an all-reduce between two ranks that fits into one is
/// done in a single round.
Script script_of(Operation operation, Algorithm algorithm, int rank, int ranks, std::size_t count,
                 std::size_t segment);

}  // namespace tidemark::comm
