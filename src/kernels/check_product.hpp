// SPDX-License-Identifier: BSD-3-Clause
// Checks a matrix product against its operands without forming it again.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/matrix_batch.hpp"
#include "kernels/folding.hpp"
#include "kernels/gemm.hpp"

namespace tidemark::kernels {

/// C = alpha op(A) op(B) + beta C for each member of a batch, as requested from the library.
template <class T, class C>
struct ProductCall {
  Op op_a, op_b;
  double alpha;
  const MatrixBatch<T>& a;
  const MatrixBatch<T>& b;
  double beta;
  const MatrixBatch<C>& c;
  Vector<T> bias = {};  ///< [n], added to every row; may be empty
  bool rounds_to_tf32 = false;
};

/// The findings of the check.
struct ProductFindings {
  double worst = 0.0;  ///< largest error, relative to its bound; infinite if a result is not finite
  std::string where;   ///< the product with that error
  std::int64_t products = 0;  ///< number of distinct products that were checked
};

/// Freivalds' test ("Probabilistic machines can use less running time", 1977) of each distinct
/// product. Products differ by shape, operations, strides, types, batch, and by whether they add to
/// C.
///
/// The columns of C are divided into blocks of `block_columns`. Each check draws new random signs
/// x. Every row of every block must satisfy C x = alpha op(A) (op(B) x) + beta C0 x. Our own
/// kernels form both sides in fp64, with about 2 / block_columns of the product's operations.
///
/// The bound assumes that rounding errors are independent of x. With error bounds e_j of the
/// elements of a block, |sum of x_j e_j| <= lambda sqrt(sum of e_j^2), except with a chance of
/// 2 exp(-lambda^2 / 2) (Hoeffding, 1963). For a sum of k products with unit roundoff u,
///
///   e_j = lambda u sqrt(k) (|c_j| + lambda |a| |b_j| / sqrt(k))
///         + u_C |c_j|                               if C is narrower than the sums
///         + 2 lambda u_tf32 |a| |b_j| / sqrt(k)     if the library rounds operands to TF32
///
/// This follows Higham and Mary, "A new approach to probabilistic rounding error analysis", 2019,
/// for partial sums of the size that random signs give. An element that is wrong by the root mean
/// square of its block exceeds the bound.
class ProductCheck {
 public:
  static constexpr std::int64_t block_columns = folding::width;
  static constexpr double lambda = 6.0;

  /// `seed` of the random signs.
  explicit ProductCheck(std::uint64_t seed) : seed_(seed) {}

  /// Forms the product by `multiply()`. If the product is the first of its kind, this checks it and
  /// fences the device's instance. A batch is checked member by member.
  template <class T, class C, class Multiply>
  void form(Device& device, const ProductCall<T, C>& call, const Multiply& multiply) {
    if (!is_new(device, name_of(call))) {
      multiply();
      return;
    }
    Sides before = fold_result(device, call.c, call.beta != 0.0);
    multiply();
    compare(device, call, before);
  }

  [[nodiscard]] const ProductFindings& findings() const { return findings_; }

 private:
  /// C x and the squares of C's elements, by member, row and block.
  struct Sides {
    Kokkos::View<double*, MemorySpace> folded;
    Kokkos::View<double*, MemorySpace> squares;
  };

  template <class T, class C>
  static std::string name_of(const ProductCall<T, C>& call);
  bool is_new(const Device& device, const std::string& name);
  template <class C>
  Sides fold_result(const Device& device, const MatrixBatch<C>& c, bool is_needed) const;
  template <class T, class C>
  void compare(const Device& device, const ProductCall<T, C>& call, const Sides& before);

  std::uint64_t seed_;
  std::set<std::string> seen_;
  std::string name_;  ///< of the product that is being checked
  ProductFindings findings_;
};

}  // namespace tidemark::kernels
