// SPDX-License-Identifier: BSD-3-Clause
// A step, the product rate measured between steps, and the dump of one more step.
#include "bench/step/step.hpp"

#include <unistd.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/error.hpp"
#include "bench/case/dump.hpp"
#include "bench/case/product_rate.hpp"
#include "bench/verify/host_tensor.hpp"
#include "comm/wrappers/self.hpp"
#include "support/cases.hpp"

namespace tidemark::bench {
namespace {

namespace fs = std::filesystem;

template <class T>
class Steps : public ::testing::Test {
 protected:
  Device device_;
  memory::Pool pool_;
  memory::Ledger ledger_{pool_};
  comm::SelfCommunicator communicator_;
  model::Stack<T> stack_{support::small_case(1, false, dtype_of<T>), device_, ledger_,
                         communicator_};
};
using Reals = ::testing::Types<bfloat16, float, double>;
TYPED_TEST_SUITE(Steps, Reals);

TYPED_TEST(Steps, ShowItsEndsInOrderAndTakeTime) {
  std::vector<std::string> names;
  const StepTime time = run_step<TypeParam>(
      this->stack_, [&](std::string_view name, const Matrix<TypeParam>& matrix) {
        names.emplace_back(name);
        EXPECT_EQ(num_rows(matrix), 36);
        EXPECT_EQ(num_columns(matrix), 24);
      });
  EXPECT_EQ(names, (std::vector<std::string>{"input", "output", "output_grad", "input_grad"}));
  EXPECT_GT(time.forward, 0.0);
  EXPECT_GT(time.backward, 0.0);
  EXPECT_EQ(time.step(), time.forward + time.backward);
  EXPECT_EQ(this->ledger_.tide().live_bytes, 0U);
}

// The halves of a step do what their names say: forward has one third of the products, and backward
// has two thirds.
TYPED_TEST(Steps, TurnLiesBetweenForwardAndBackward) {
  std::uint64_t at_turn = 0;
  run_step<TypeParam>(this->stack_, [&](std::string_view name, const Matrix<TypeParam>&) {
    if (name == "output") at_turn = this->device_.gemm_flops;
  });
  EXPECT_GT(at_turn, 0U);
  EXPECT_EQ(this->device_.gemm_flops, 3 * at_turn);
  EXPECT_FALSE(this->ledger_.tide().at_turn.empty());
}

TYPED_TEST(Steps, ProductRateIsPositiveFiniteAndLeavesNothingBehind) {
  ProductRate<TypeParam> rate(this->stack_);
  for (int i = 0; i < 3; ++i) {
    const double gflops = rate.measure();
    EXPECT_GT(gflops, 0.0);
    EXPECT_TRUE(std::isfinite(gflops));
    EXPECT_NO_THROW(run_step<TypeParam>(this->stack_));
  }
}

struct Npy {
  std::string header;
  std::string data;
};

std::string text_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Reads NumPy's format by hand, as NEP 1 describes it.
Npy read_npy(const fs::path& path) {
  const std::string bytes = text_of(path);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8)) << path;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(bytes.at(i)); };
  const std::size_t length = byte(8) + 256U * byte(9);
  EXPECT_EQ((10 + length) % 64, 0U) << path;
  EXPECT_EQ(bytes.at(10 + length - 1), '\n') << path;
  return {bytes.substr(10, length), bytes.substr(10 + length)};
}

template <class T>
std::string as_bytes(const std::vector<T>& values) {
  std::string bytes(values.size() * sizeof(T), '\0');
  std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

std::string header_of(const std::string& type, const std::string& shape) {
  return "{'descr': '<" + type + "', 'fortran_order': False, 'shape': (" + shape + ", ), }";
}

/// A temporary folder that exists as long as the object.
class Folder {
 public:
  Folder() { fs::create_directory(path); }
  ~Folder() { fs::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  [[nodiscard]] std::ptrdiff_t files() const {
    return std::distance(fs::directory_iterator(path), fs::directory_iterator());
  }
  const fs::path path = fs::temp_directory_path() / ("tidemark_dump_" + std::to_string(getpid()));
};

// NumPy has no bf16, so these values are written in fp32.
TYPED_TEST(Steps, DumpsHoldEveryTensorInNumPysFormat) {
  using T = TypeParam;
  const Folder dump;
  const fs::path& folder = dump.path;
  dump_case(this->stack_, 3, folder);
  const std::string type = sizeof(T) == 8 ? "f8" : "f4";

  run_step<T>(this->stack_, [&](std::string_view name, const Matrix<T>& matrix) {
    const Npy file = read_npy(folder / (std::string(name) + ".npy"));
    EXPECT_EQ(file.header.rfind(header_of(type, "12, 3, 24"), 0), 0U) << file.header;
    EXPECT_EQ(file.data, as_bytes(copy_to_host(this->device_, matrix).values)) << name;
  });
  for (const parallel::Parameter<T>& p : this->stack_.store().parameters()) {
    const Npy value = read_npy(folder / (p.spec.name + ".npy"));
    const Npy gradient = read_npy(folder / (p.spec.name + ".grad.npy"));
    const std::string columns = std::to_string(p.spec.columns);
    const std::string shape =
        p.spec.is_vector ? columns : std::to_string(p.spec.rows()) + ", " + columns;
    EXPECT_EQ(value.header.rfind(header_of(type, shape), 0), 0U) << value.header;
    EXPECT_EQ(value.data, as_bytes(copy_to_host(this->device_, p.value).values)) << p.spec.name;
    EXPECT_EQ(gradient.data, as_bytes(copy_to_host(this->device_, p.gradient).values));
  }
  EXPECT_EQ(dump.files(), 4 + 2 * 2 * 12);
  EXPECT_TRUE(fs::exists(folder / "layers.1.fc2.weight.grad.npy"));
}

TYPED_TEST(Steps, WithEndsShowAndDumpTheEmbeddingAndTheLoss) {
  using T = TypeParam;
  const config::Case c = support::with_ends(support::small_case(1, false, dtype_of<T>));
  model::Stack<T> stack(c, this->device_, this->ledger_, this->communicator_);
  EXPECT_FALSE(stack.loss().has_value());
  const Folder dump;
  dump_case(stack, 3, dump.path);
  std::vector<std::string> names;
  run_step<T>(stack, [&](std::string_view name, const Matrix<T>& matrix) {
    names.emplace_back(name);
    const Npy file = read_npy(dump.path / (std::string(name) + ".npy"));
    EXPECT_EQ(file.data, as_bytes(copy_to_host(this->device_, matrix).values)) << name;
  });
  EXPECT_EQ(names,
            (std::vector<std::string>{"embedding", "output", "output_grad", "embedding_grad"}));
  const Npy loss = read_npy(dump.path / "loss.npy");
  EXPECT_EQ(loss.header.rfind(header_of("f8", "1"), 0), 0U) << loss.header;
  EXPECT_EQ(loss.data, as_bytes(std::vector<double>{stack.loss().value()}));
  const Npy table = read_npy(dump.path / "embedding.weight.grad.npy");
  const std::string type = sizeof(T) == 8 ? "f8" : "f4";
  EXPECT_EQ(table.header.rfind(header_of(type, "29, 24"), 0), 0U) << table.header;
  EXPECT_EQ(dump.files(), 4 + 1 + 2 * (2 * 12 + 3));
}

TYPED_TEST(Steps, ADumpThatCannotBeWrittenIsNamed) {
  try {
    dump_case(this->stack_, 3, "/dev/null/dump");
    FAIL() << "written below a file";
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("/dev/null/dump"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace tidemark::bench
