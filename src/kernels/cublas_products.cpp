// SPDX-License-Identifier: BSD-3-Clause
#include "kernels/cublas_products.hpp"

#include <cublasLt.h>
#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <array>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/cuda_error.hpp"
#include "base/error.hpp"

namespace tidemark::kernels::cublas {

namespace {

void check(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw RunError(fmt::format("cuBLAS: {} failed: {}", what, cublasGetStatusString(status)));
}

cudaDataType_t type_of(DType dtype) {
  switch (dtype) {
    case DType::fp64:
      return CUDA_R_64F;
    case DType::bf16:
      return CUDA_R_16BF;
    case DType::fp32:
      break;
  }
  return CUDA_R_32F;
}

cublasComputeType_t sums_of(const LibraryProduct& product) {
  if (product.a.dtype == DType::fp64) return CUBLAS_COMPUTE_64F;
  const bool rounds = product.tensor_float && product.a.dtype == DType::fp32;
  return rounds ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

cublasOperation_t operation_of(const Operand& operand) {
  return operand.transposed ? CUBLAS_OP_T : CUBLAS_OP_N;
}

/// The library, initialised at the first product. It is never destroyed, because the driver may end
/// before static objects do.
class Library {
 public:
  static Library& instance() {
    static auto* const library = new Library;
    return *library;
  }

  cublasHandle_t on(CudaStream stream) {
    if (!is_set_ || stream != stream_) check(cublasSetStream(handle_, stream), "choosing a stream");
    is_set_ = true;
    stream_ = stream;
    return handle_;
  }

 private:
  Library() {
    check(cublasCreate(&handle_), "starting");
    // The type of the sums is given per product. This mode keeps sums of bf16 exact: with too
    // little workspace, the library would form them in pieces that it rounds to bf16.
    check(cublasSetMathMode(
              handle_, static_cast<cublasMath_t>(CUBLAS_DEFAULT_MATH |
                                                 CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION)),
          "choosing the arithmetic");
  }

  cublasHandle_t handle_ = nullptr;
  CudaStream stream_ = nullptr;
  bool is_set_ = false;
};

/// The largest power of two that divides an address, up to the alignment that the library assumes.
std::uint32_t alignment_of(const void* data) {
  constexpr std::uintptr_t most = 256;
  const auto address = reinterpret_cast<std::uintptr_t>(data) | most;
  return static_cast<std::uint32_t>(address & (~address + 1));
}

/// Products with an epilogue, by cuBLASLt, which needs a full description of each. A plan is kept
/// per shape, because finding one costs the host more time than a launch.
class Epilogues {
 public:
  static Epilogues& instance() {
    static auto* const epilogues = new Epilogues;
    return *epilogues;
  }

  struct Plan {
    bool exists = false;
    cublasLtMatmulDesc_t operation = nullptr;
    cublasLtMatrixLayout_t a = nullptr, b = nullptr, c = nullptr;
    cublasLtMatmulAlgo_t algorithm{};
  };

  /// The plan of that product. Its `exists` is false if the library has no such product.
  const Plan& plan_of(const LibraryProduct& p, const void* bias) {
    const std::array alignments{alignment_of(p.a.data), alignment_of(p.b.data),
                                alignment_of(p.c.data), alignment_of(bias)};
    const Key key{{p.m, p.n, p.k, p.a.row_stride, p.b.row_stride, p.c.row_stride},
                  {p.a.transposed, p.b.transposed, p.tensor_float},
                  {p.a.dtype, p.c.dtype},
                  alignments};
    const auto [found, is_new] = plans_.try_emplace(key);
    if (is_new) found->second = make_plan(p, bias, alignments);
    return found->second;
  }

  void multiply(CudaStream stream, const Plan& plan, const LibraryProduct& product,
                const void* bias) {
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    const float one = 1.0F, zero = 0.0F;
    void* const c = const_cast<void*>(product.c.data);
    check(cublasLtMatmul(handle_, plan.operation, &one, product.b.data, plan.b, product.a.data,
                         plan.a, &zero, c, plan.c, c, plan.c, &plan.algorithm, workspace_of(stream),
                         workspace_bytes, stream_of(stream)),
          "a product with a bias");
  }

 private:
  using Key = std::tuple<std::array<std::int64_t, 6>, std::array<bool, 3>, std::array<DType, 2>,
                         std::array<std::uint32_t, 4>>;

  Epilogues() { check(cublasLtCreate(&handle_), "starting cuBLASLt"); }

  static cudaStream_t stream_of(CudaStream stream) { return static_cast<cudaStream_t>(stream); }

  template <class Value>
  static void set(cublasLtMatmulDesc_t operation, cublasLtMatmulDescAttributes_t attribute,
                  const Value& value) {
    check(cublasLtMatmulDescSetAttribute(operation, attribute, &value, sizeof value),
          "describing a product");
  }
  template <class Value>
  static void set(cublasLtMatmulPreference_t preference,
                  cublasLtMatmulPreferenceAttributes_t attribute, const Value& value) {
    check(cublasLtMatmulPreferenceSetAttribute(preference, attribute, &value, sizeof value),
          "describing what a product may use");
  }
  /// The library has matrices by columns, so rows and columns change places.
  static cublasLtMatrixLayout_t layout_of(const Operand& x, std::int64_t rows,
                                          std::int64_t columns) {
    if (x.transposed) std::swap(rows, columns);
    cublasLtMatrixLayout_t layout = nullptr;
    check(cublasLtMatrixLayoutCreate(&layout, type_of(x.dtype), static_cast<std::uint64_t>(columns),
                                     static_cast<std::uint64_t>(rows), x.row_stride),
          "describing a matrix");
    return layout;
  }

  /// One workspace per stream, because products of two streams must not share one.
  void* workspace_of(CudaStream stream) {
    void*& workspace = workspaces_[stream];
    if (workspace == nullptr) check_cuda(cudaMalloc(&workspace, workspace_bytes), "cudaMalloc");
    return workspace;
  }

  Plan make_plan(const LibraryProduct& p, const void* bias,
                 const std::array<std::uint32_t, 4>& alignments) {
    Plan plan;
    check(cublasLtMatmulDescCreate(&plan.operation, sums_of(p), CUDA_R_32F),
          "describing a product");
    set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSA, operation_of(p.b));
    set(plan.operation, CUBLASLT_MATMUL_DESC_TRANSB, operation_of(p.a));
    set(plan.operation, CUBLASLT_MATMUL_DESC_EPILOGUE, CUBLASLT_EPILOGUE_BIAS);
    set(plan.operation, CUBLASLT_MATMUL_DESC_BIAS_POINTER, bias);
    plan.a = layout_of(p.a, p.m, p.k);
    plan.b = layout_of(p.b, p.k, p.n);
    plan.c = layout_of(p.c, p.m, p.n);
    cublasLtMatmulPreference_t preference = nullptr;
    check(cublasLtMatmulPreferenceCreate(&preference), "describing what a product may use");
    set(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, workspace_bytes);
    // Partial sums must not be rounded.
    set(preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK,
        static_cast<std::uint32_t>(CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE));
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignments[1]);
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignments[0]);
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignments[2]);
    set(preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignments[2]);
    cublasLtMatmulHeuristicResult_t best{};
    int count = 0;
    const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
        handle_, plan.operation, plan.b, plan.a, plan.c, plan.c, preference, 1, &best, &count);
    check(cublasLtMatmulPreferenceDestroy(preference), "describing what a product may use");
    if (status != CUBLAS_STATUS_NOT_SUPPORTED) check(status, "looking for a product with a bias");
    plan.exists = status == CUBLAS_STATUS_SUCCESS && count > 0;
    plan.algorithm = best.algo;
    return plan;
  }

  /// NVIDIA recommends this size for Hopper. Older devices need less.
  static constexpr std::size_t workspace_bytes = std::size_t{32} << 20;

  cublasLtHandle_t handle_ = nullptr;
  std::map<Key, Plan> plans_;
  std::map<CudaStream, void*> workspaces_;
};

}  // namespace

// cuBLAS has matrices by columns: it sees a row-major X as X^T. So the call forms C^T = op(B)^T
// op(A)^T, which exchanges A with B and m with n.
void multiply(CudaStream stream, const LibraryProduct& product) {
  if (product.m == 0 || product.n == 0 || product.batch == 0) return;
  TIDEMARK_REQUIRE(product.a.dtype == product.b.dtype, "operands of one type");
  const Operand& a = product.a;
  const Operand& b = product.b;
  const Operand& c = product.c;
  // The library takes alpha and beta in the type of the sums.
  const std::array narrow{static_cast<float>(product.alpha), static_cast<float>(product.beta)};
  const std::array wide{product.alpha, product.beta};
  const bool is_wide = a.dtype == DType::fp64;
  const void* const alpha = is_wide ? static_cast<const void*>(&wide[0]) : &narrow[0];
  const void* const beta = is_wide ? static_cast<const void*>(&wide[1]) : &narrow[1];
  void* const result = const_cast<void*>(c.data);
  const cublasHandle_t handle = Library::instance().on(stream);
  if (product.batch == 1) {
    check(cublasGemmEx_64(handle, operation_of(b), operation_of(a), product.n, product.m, product.k,
                          alpha, b.data, type_of(b.dtype), b.row_stride, a.data, type_of(a.dtype),
                          a.row_stride, beta, result, type_of(c.dtype), c.row_stride,
                          sums_of(product), CUBLAS_GEMM_DEFAULT),
          "a product");
    return;
  }
  check(cublasGemmStridedBatchedEx_64(
            handle, operation_of(b), operation_of(a), product.n, product.m, product.k, alpha,
            b.data, type_of(b.dtype), b.row_stride, b.distance, a.data, type_of(a.dtype),
            a.row_stride, a.distance, beta, result, type_of(c.dtype), c.row_stride, c.distance,
            product.batch, sums_of(product), CUBLAS_GEMM_DEFAULT),
        "a batch of products");
}

namespace {

bool is_empty(const LibraryProduct& product) { return product.m == 0 || product.n == 0; }

/// Whether the library may have such a product, by type and alignment.
bool may_take_bias(const LibraryProduct& product, const void* bias) {
  TIDEMARK_REQUIRE(product.a.dtype == product.b.dtype, "operands of one type");
  TIDEMARK_REQUIRE(product.alpha == 1.0 && product.beta == 0.0 && product.batch == 1,
                   "a bias goes with a plain product");
  // The library reads several elements of the bias at once, with this alignment.
  constexpr std::uint32_t bias_alignment = 16;
  return product.a.dtype != DType::fp64 && alignment_of(bias) >= bias_alignment;
}

}  // namespace

bool can_add_bias(const LibraryProduct& product, const void* bias) {
  if (!may_take_bias(product, bias)) return false;
  return is_empty(product) || Epilogues::instance().plan_of(product, bias).exists;
}

void multiply_with_bias(CudaStream stream, const LibraryProduct& product, const void* bias) {
  constexpr const char* none = "the library has no such product with a bias";
  TIDEMARK_REQUIRE(may_take_bias(product, bias), none);
  if (is_empty(product)) return;
  Epilogues& epilogues = Epilogues::instance();
  const Epilogues::Plan& plan = epilogues.plan_of(product, bias);
  TIDEMARK_REQUIRE(plan.exists, none);
  epilogues.multiply(stream, plan, product, bias);
}

std::string description() {
  std::array<int, 3> version{};
  constexpr std::array parts{MAJOR_VERSION, MINOR_VERSION, PATCH_LEVEL};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    check(cublasGetProperty(parts[i], &version[i]), "asking for the version");
  }
  return fmt::format("cuBLAS {}.{}.{}", version[0], version[1], version[2]);
}

}  // namespace tidemark::kernels::cublas
