// SPDX-License-Identifier: BSD-3-Clause
// Collectives as rounds of messages and sums: the algorithms without the transport.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <string_view>
#include <vector>

#include "base/dtype.hpp"
#include "comm/algorithms/nodes.hpp"
#include "comm/operation.hpp"

namespace tidemark::comm {

/// Which ranks exchange messages:
///
/// * `native`: the library decides.
/// * `pairwise`: every rank exchanges with every other rank directly. Sums are formed in rank order
///   and rounded once.
/// * `ring`: every rank exchanges with its two neighbours only (Patarasuk and Yuan, 2009). Sums are
///   formed in the order of the ring, and rounded on each of t - 1 ranks.
/// * `hierarchical`: every rank exchanges with the ranks of its node, and with one rank of every
///   other node. Sums are formed within the nodes first, and then between them, and rounded twice.
///
/// All own algorithms move the fewest bytes possible. `hierarchical` also moves the fewest bytes
/// between nodes.
enum class Algorithm { native, pairwise, ring, hierarchical };
inline constexpr std::array all_algorithms{Algorithm::native, Algorithm::pairwise, Algorithm::ring,
                                           Algorithm::hierarchical};

/// Whether an algorithm differs from those before it. Between two ranks `ring` equals `pairwise`,
/// and so does `hierarchical` unless there are several nodes with several ranks each.
inline bool is_distinct(Algorithm algorithm, const NodeMap& nodes) {
  if (algorithm == Algorithm::ring) return nodes.ranks() > 2;
  return algorithm != Algorithm::hierarchical || nodes.has_levels();
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
    case Algorithm::hierarchical:
      return "hierarchical";
  }
  return "unknown";
}

/// The memory of a piece: the caller's send buffer, the caller's receive buffer, or scratch memory
/// of the call. The only buffer of an all-reduce is `recv`.
enum class Place { send, recv, scratch };

/// `count` elements, beginning with element `first`.
struct Piece {
  Place place = Place::recv;
  std::size_t first = 0;
  std::size_t count = 0;
};

struct Message {
  int peer = 0;
  Piece piece;
  /// A message of at least twice so many elements is cut into pieces of so many, in the same way by
  /// both sides.
  std::size_t largest = std::numeric_limits<std::size_t>::max();
};

/// out = terms[0] + terms[1] + ... Each term is as long as `out`. One term means a copy.
struct Sum {
  Piece out;
  std::vector<Piece> terms;
};

/// Receives and sends are posted first. Then sums are formed from what earlier rounds received,
/// while the messages travel. The next round begins when all messages of this round are complete.
struct Round {
  std::vector<Message> receives;
  std::vector<Message> sends;
  std::vector<Sum> sums;
};

/// The work of one rank. Between two ranks, messages match in the order in which they are listed
/// here.
struct Script {
  std::vector<Round> rounds;
  std::size_t scratch = 0;  ///< elements
};

/// Bytes of a segment, the unit in which own algorithms send terms of a sum. Two segments per peer
/// fit into a second-level cache.
inline constexpr std::size_t default_segment_bytes = std::size_t{256} << 10;

/// Elements of a segment. `overlapping`: the call runs concurrently with other work. Then every
/// round waits for the next poll of both ranks, so segments are large and rounds are few.
constexpr std::size_t segment_of(std::size_t segment_bytes, bool overlapping, DType dtype) {
  constexpr std::size_t overlapping_bytes = std::size_t{8} << 20;
  const std::size_t bytes =
      overlapping ? std::max(segment_bytes, overlapping_bytes) : segment_bytes;
  return std::max<std::size_t>(1, bytes / size_of(dtype));
}

/// Elements of scratch memory that the script of these arguments uses; the same on every rank. It
/// is 0 for `native`, because the library has its own memory, and 0 for send_recv.
std::size_t scratch_of(Operation operation, Algorithm algorithm, const NodeMap& nodes,
                       std::size_t count, std::size_t segment);

/// Cuts a message into pieces of at most `largest` elements, and calls `use(piece)` for each, in
/// order. Sender and receiver cut it in the same way. Stops at the first result that is not 0 and
/// returns it.
template <class Use>
int for_each_cut(const Piece& message, std::size_t largest, const Use& use) {
  for (std::size_t first = 0; first < message.count; first += largest) {
    const int code =
        use(Piece{message.place, message.first + first, std::min(largest, message.count - first)});
    if (code != 0) return code;
  }
  return 0;
}

/// The script of `rank`, one of the ranks of `nodes`. `count` is the number of elements: of the
/// whole buffer for an all-reduce, of one rank's block for the other operations. `algorithm` must
/// not be native, and `operation` must not be send_recv.
///
/// Messages that are summed are cut into segments of `segment` elements. So sums are formed in the
/// cache while the next segment travels. An all-reduce between two ranks takes a single round if it
/// fits into one segment.
Script script_of(Operation operation, Algorithm algorithm, int rank, const NodeMap& nodes,
                 std::size_t count, std::size_t segment);

}  // namespace tidemark::comm
