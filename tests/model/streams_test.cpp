// SPDX-License-Identifier: BSD-3-Clause
#include "model/streams.hpp"

#include <set>

#include <gtest/gtest.h>

namespace tidemark::model {
namespace {

// Two tensors with the same stream would have the same numbers.
TEST(Streams, NameEveryRandomTensorApart) {
  std::set<std::uint32_t> streams{input_stream,          output_gradient_stream,
                                  tokens_stream,         embedding_weight_stream,
                                  embedding_mask_stream, final_norm_weight_stream,
                                  final_norm_bias_stream};
  EXPECT_EQ(streams.size(), 7U);
  for (int layer = 0; layer < 100; ++layer) {
    for (const Slot slot :
         {Slot::norm1_weight, Slot::norm1_bias, Slot::qkv_weight, Slot::qkv_bias,
          Slot::attention_mask, Slot::proj_weight, Slot::proj_bias, Slot::hidden_mask1,
          Slot::norm2_weight, Slot::norm2_bias, Slot::fc1_weight, Slot::fc1_bias, Slot::fc2_weight,
          Slot::fc2_bias, Slot::hidden_mask2}) {
      EXPECT_TRUE(streams.insert(stream_of(layer, slot)).second)
          << layer << ", " << static_cast<std::uint32_t>(slot);
    }
  }
}

// Dumps and their independent readers depend on these numbers.
TEST(Streams, AreNumberedByLayerAndSlot) {
  EXPECT_EQ(input_stream, 0U);
  EXPECT_EQ(output_gradient_stream, 1U);
  EXPECT_EQ(tokens_stream, 2U);
  EXPECT_EQ(embedding_weight_stream, 3U);
  EXPECT_EQ(embedding_mask_stream, 4U);
  EXPECT_EQ(final_norm_weight_stream, 5U);
  EXPECT_EQ(final_norm_bias_stream, 6U);
  EXPECT_EQ(stream_of(0, Slot::norm1_weight), 32U);
  EXPECT_EQ(stream_of(0, Slot::hidden_mask1), 39U);
  EXPECT_EQ(stream_of(2, Slot::hidden_mask2), 3U * 32U + 14U);
}

}  // namespace
}  // namespace tidemark::model
