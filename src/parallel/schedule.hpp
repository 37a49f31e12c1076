// How collectives and products of a sharded layer stand to each other in time.
#pragma once

#include <cstdint>

#include "base/pieces.hpp"
#include "config/choices.hpp"

namespace tidemark::parallel {

/// Which pairs of a collective and a product run beside each other.
///
/// `bulk`: those that do not depend on each other, as in Megatron-LM: in the backward of a
/// column-parallel product, the re-gather of its input beside the product for the input's gradient,
/// and the reduction of that gradient beside the product for the weight's.
///
/// `ring`: also those that do, taken apart (Wang et al., "Overlap communication with dependent
/// computation via decomposition in large deep learning models", ASPLOS 2023). Under SP a gathered
/// operand is multiplied shard by shard, this rank's own first, while the others' are on their way,
/// and a product to be reduced is formed shard by shard, this rank's own last, while the others'
/// are on theirs; in forward shards travel in chunks of rows. Without SP a product to be
/// all-reduced is formed by chunks of rows, each of them reduced while the next is formed. In both
/// the attention core makes the rows of a chunk just before proj multiplies them. Forward
/// goes chunk by chunk from the row-parallel product of one sublayer to the column-parallel one of
/// the next, so that the collectives at the end of the one hide behind the product of the other,
/// too (as DeepSpeed-Domino does by batches: Wang et al., 2024); in backward inputs are gathered
/// again behind the products before, and weight gradients wait for collectives with too little
/// beside them. docs/definitions/overlap.md has the list.
enum class OverlapMode { none, bulk, ring };

/// The mode of a setting. `auto` stands for `ring` until a mode is chosen, since `ring` needs the
/// most memory.
OverlapMode overlap_mode_of(config::OverlapMode setting);
/// The setting of a mode.
config::OverlapMode setting_of(OverlapMode mode);

struct Schedule {
  OverlapMode mode = OverlapMode::none;
  bool polls = true;             ///< this rank drives what is under way, between tiles of a product
  std::int64_t tile_rows = 512;  ///< of a product between two polls, at least
  Cut cut;                       ///< into chunks of rows, of what is taken apart

  /// Chunks into which so many rows are cut.
  [[nodiscard]] std::int64_t pieces(std::int64_t rows) const { return cut.of(rows); }
};

}  // namespace tidemark::parallel
