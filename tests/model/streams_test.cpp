#include "model/streams.hpp"

#include <gtest/gtest.h>

#include <set>

namespace tidemark::model {
namespace {

// Two tensors of one stream would hold the same numbers.
TEST(Streams, NameEveryRandomTensorApart) {
  std::set<std::uint32_t> streams{input_stream, output_gradient_stream};
  for (int layer = 0; layer < 100; ++layer) {
    for (std::uint32_t slot = 0; slot <= static_cast<std::uint32_t>(Slot::hidden_mask2); ++slot) {
      EXPECT_TRUE(streams.insert(stream_of(layer, static_cast<Slot>(slot))).second)
          << layer << ", " << slot;
    }
  }
}

// Dumps and their independent readers rely on the numbers.
TEST(Streams, AreNumberedByLayerAndSlot) {
  EXPECT_EQ(input_stream, 0U);
  EXPECT_EQ(output_gradient_stream, 1U);
  EXPECT_EQ(stream_of(0, Slot::norm1_weight), 32U);
  EXPECT_EQ(stream_of(0, Slot::hidden_mask1), 39U);
  EXPECT_EQ(stream_of(2, Slot::hidden_mask2), 3U * 32U + 14U);
}

}  // namespace
}  // namespace tidemark::model
