// SPDX-License-Identifier: BSD-3-Clause
// The model of an emulated link.
#pragma once

namespace tidemark {

/// A call on a message of W wire bytes takes at least latency + W / bandwidth. Calls follow each
/// other on the link. Source: Hockney, "The communication challenge for MPP" (1994).
struct LinkModel {
  double latency_us = 0.0;
  double bandwidth_gbytes_per_s = 0.0;  ///< 1 GB = 1e9 bytes, each way; 0: unlimited

  [[nodiscard]] bool is_emulated() const noexcept {
    return latency_us > 0.0 || bandwidth_gbytes_per_s > 0.0;
  }
};

}  // namespace tidemark
