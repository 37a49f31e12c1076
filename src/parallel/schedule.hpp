// SPDX-License-Identifier: BSD-3-Clause
// How collectives and products of a sharded layer follow each other in time.
#pragma once

#include <cstdint>

#include "base/pieces.hpp"
#include "config/choices.hpp"

namespace tidemark::parallel {

/// Which collectives and products run concurrently. docs/definitions/overlap.md has the list.
///
/// `bulk`: independent pairs, as in Megatron-LM. In the backward of a column-parallel product there
/// are two. The input is gathered again concurrently with the product for the input's gradient.
/// That gradient is reduced concurrently with the product for the weight's gradient.
///
/// `ring`: also dependent pairs, taken apart (Wang et al., "Overlap communication with dependent
/// computation via decomposition in large deep learning models", ASPLOS 2023):
///
/// * Under SP, a gathered operand is multiplied shard by shard. This rank's own shard is first,
///   while the other shards travel.
/// * Under SP, a product to be reduced is formed shard by shard. This rank's own shard is last,
///   while the other shards travel. In forward, shards travel in chunks of rows.
/// * Without SP, a product to be all-reduced is formed by chunks of rows. Each chunk is reduced
///   while the next is formed.
/// * The attention core makes the rows of a chunk just before proj multiplies them.
/// * Forward passes chunks from the row-parallel product of one sublayer to the column-parallel
///   product of the next. So the collectives at the end of the first also hide behind the product
///   of the second. DeepSpeed-Domino does this by batches (Wang et al., 2024).
/// * In backward, inputs are gathered again during the products before. Weight gradients wait for
///   collectives that have too little concurrent work.
enum class OverlapMode { none, bulk, ring };

/// The mode of a setting. `auto` gives `ring` until a measurement decides, because `ring` needs the
/// most memory.
OverlapMode overlap_mode_of(config::OverlapMode setting);
/// The setting of a mode.
config::OverlapMode setting_of(OverlapMode mode);

struct Schedule {
  OverlapMode mode = OverlapMode::none;
  bool polls = true;             ///< this rank polls pending calls between tiles of a product
  std::int64_t tile_rows = 512;  ///< least rows of a product between two polls
  Cut cut;                       ///< into chunks of rows, under ring

  /// Number of chunks into which `rows` rows are cut.
  [[nodiscard]] std::int64_t pieces(std::int64_t rows) const { return cut.of(rows); }
};

}  // namespace tidemark::parallel
