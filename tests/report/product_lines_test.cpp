// SPDX-License-Identifier: BSD-3-Clause
#include "report/product_lines.hpp"

#include <gtest/gtest.h>

#include "bench/statistics.hpp"

namespace tidemark::report {
namespace {

TEST(DisturbanceLine, SaysThatTheProductWasMeasuredBesideOtherWork) {
  bench::CaseResult result;
  result.ranks = 1;
  result.model_flops_per_step = 1e9;
  result.step_ms = bench::summarize({100.0});  // 10 GFLOP/s
  result.gemm_gflops = bench::summarize({9.2});
  EXPECT_EQ(disturbance_line(result), "");
  result.gemm_gflops = bench::summarize({5.0});
  EXPECT_EQ(disturbance_line(result),
            "  disturbed: the step reached 2.00 of the product rate, so other work ran while that "
            "was measured\n");
}

TEST(UtilisationLine, GivesSharesOfTheCeilingUnlessAProductExceedsIt) {
  bench::CaseResult result;
  result.ranks = 2;
  result.model_flops_per_step = 2e9;
  result.causal_flops_per_step = 1.8e9;
  result.launched_flops_per_rank = 1.2e9;
  result.step_ms = bench::summarize({100.0});  // 10, 9 and 12 GFLOP/s per rank
  result.gemm_gflops = bench::summarize({16.0});
  EXPECT_EQ(utilisation_line(result), "");
  result.ceiling_gflops = 20.0;
  EXPECT_EQ(utilisation_line(result),
            "  ceiling 20.0 GFLOP/s per rank, of it the product 80.0 %; MFU 50.0 %, without masked "
            "scores 45.0 %, HFU 60.0 %\n");
  result.ceiling_gflops = 15.0;
  EXPECT_EQ(utilisation_line(result),
            "  void: utilisation of a ceiling of 15.0 GFLOP/s per rank, which a product exceeded: "
            "other work ran while it was measured\n");
}

TEST(ProductsLine, NamesTheLibraryAndTheRatesThatDecided) {
  bench::CaseResult result;
  result.products.library = ProductLibrary::onednn;
  EXPECT_EQ(products_line(result), "  onednn\n");
  result.products.gflops = {{ProductLibrary::kokkos_kernels, 99.96},
                            {ProductLibrary::onednn, 120.0}};
  EXPECT_EQ(products_line(result),
            "  onednn (GFLOP/s per rank: kokkos_kernels 100.0, onednn 120.0)\n");
}

}  // namespace
}  // namespace tidemark::report
