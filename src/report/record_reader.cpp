#include "report/record_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "report/record.hpp"

namespace tidemark::report {

namespace {

using nlohmann::json;

/// Builds a value from the parser's events, without what stands under other keys of the top level.
class Picker final : public json::json_sax_t {
 public:
  explicit Picker(const std::set<std::string>& keys) : keys_(keys) {}

  json value;
  std::string error;

  bool null() override { return leaf(nullptr); }
  bool boolean(bool v) override { return leaf(v); }
  bool number_integer(number_integer_t v) override { return leaf(v); }
  bool number_unsigned(number_unsigned_t v) override { return leaf(v); }
  bool number_float(number_float_t v, const string_t&) override { return leaf(v); }
  bool string(string_t& v) override { return leaf(std::move(v)); }
  bool binary(binary_t&) override { return false; }  // no such thing in text

  bool start_object(std::size_t) override { return open(json::object()); }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (depth_ == 1) keeps_ = keys_.empty() || keys_.contains(name);
    if (keeps_) key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    error = fmt::format("is damaged: no whole JSON, at character {}", position);
    return false;
  }

 private:
  template <class Value>
  bool leaf(Value&& v) {
    if (keeps_) add(std::forward<Value>(v));
    return true;
  }

  bool open(json container) {
    if (keeps_) open_.push_back(&add(std::move(container)));
    ++depth_;
    return true;
  }

  bool close() {
    --depth_;
    if (keeps_) open_.pop_back();
    if (depth_ == 1) keeps_ = true;  // the container of the top level is closed in any case
    return true;
  }

  template <class Value>
  json& add(Value&& v) {
    if (open_.empty()) return value = json(std::forward<Value>(v));
    json& parent = *open_.back();
    if (!parent.is_array()) return parent[key_] = json(std::forward<Value>(v));
    parent.emplace_back(std::forward<Value>(v));
    return parent.back();
  }

  const std::set<std::string>& keys_;
  std::vector<json*> open_;  // kept containers around the present event, innermost last
  std::size_t depth_ = 0;    // of all containers
  bool keeps_ = true;
  std::string key_;
};

static_assert(oldest_readable <= schema_version && schema_version <= newest_readable);

/// Why a value is no record of a version that is read; empty where it is one.
std::string objection_to(const json& value) {
  if (!value.is_object() || !value.contains("schema_version") || !value.contains("kind")) {
    return "is no record: it has no schema_version and kind";
  }
  const json& version = value["schema_version"];
  if (version.is_number_integer() && version >= oldest_readable && version <= newest_readable) {
    return "";
  }
  return fmt::format("has schema_version {}, and only {} and {} are read", version.dump(),
                     oldest_readable, newest_readable);
}

bool is_blank(const std::string& line) {
  return line.find_first_not_of(" \t\r") == std::string::npos;
}

}  // namespace

std::size_t read_records(const std::filesystem::path& path, const RecordVisitor& visitor) {
  std::set<std::string> keys = visitor.keys;
  if (!keys.empty()) keys.insert({"schema_version", "kind"});
  const auto fail = [&](int code) {
    throw InputError(fmt::format("{}: cannot be read: {}", path.string(),
                                 std::generic_category().message(code != 0 ? code : EIO)));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(errno);
  std::optional<DamagedLine> damaged;
  const auto tell_damage = [&](bool is_cut_off) {
    if (!damaged) return;
    damaged->is_cut_off = is_cut_off;
    visitor.damage(*damaged);
    damaged.reset();
  };
  std::size_t records = 0;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (is_blank(line)) continue;
    tell_damage(false);
    Picker picker(keys);
    if (!json::sax_parse(line, &picker)) {
      damaged = DamagedLine{number, picker.error, false};
      continue;
    }
    if (const std::string objection = objection_to(picker.value); !objection.empty()) {
      visitor.damage({number, objection, false});
      continue;
    }
    ++records;
    visitor.record(picker.value, number);
  }
  if (file.bad()) fail(errno);
  tell_damage(true);
  return records;
}

bool is_whole_json(std::string_view text) { return json::accept(text); }

}  // namespace tidemark::report
