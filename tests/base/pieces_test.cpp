// SPDX-License-Identifier: BSD-3-Clause
#include "base/pieces.hpp"

#include <gtest/gtest.h>

namespace tidemark {
namespace {

TEST(Cut, IsAsManyPiecesAsAreAskedForButNoneIsEmpty) {
  EXPECT_EQ((Cut{3, 512}.of(10)), 3);
  EXPECT_EQ((Cut{3, 512}.of(2)), 2);
  EXPECT_EQ((Cut{3, 512}.of(0)), 1);
}

TEST(Cut, IsUpToFourLongPiecesWhereNothingIsAskedFor) {
  EXPECT_EQ((Cut{0, 512}.of(511)), 1);
  EXPECT_EQ((Cut{0, 512}.of(1024)), 2);
  EXPECT_EQ((Cut{0, 512}.of(1 << 20)), 4);
  EXPECT_EQ((Cut{0, 0}.of(3)), 3);
}

TEST(Pieces, AreConsecutiveAndAsEvenAsWholeRowsAllow) {
  for (const std::int64_t rows : {0, 1, 7, 12}) {
    for (const std::int64_t pieces : {1, 3, 5}) {
      EXPECT_EQ(first_of_piece(rows, pieces, 0), 0);
      EXPECT_EQ(first_of_piece(rows, pieces, pieces), rows);
      for (std::int64_t piece = 0; piece < pieces; ++piece) {
        const std::int64_t size =
            first_of_piece(rows, pieces, piece + 1) - first_of_piece(rows, pieces, piece);
        EXPECT_TRUE(size == rows / pieces || size == rows / pieces + 1) << rows << " / " << pieces;
      }
    }
  }
}

}  // namespace
}  // namespace tidemark
