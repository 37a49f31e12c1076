// SPDX-License-Identifier: BSD-3-Clause
#include "report/record_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <map>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/error.hpp"
#include "report/schema_version.hpp"

namespace tidemark::report {

namespace {

using nlohmann::json;

/// Levels of nested lists and objects. A record has a tenth of that.
constexpr std::size_t most_depth = 100;

/// Builds a value from the parser's events, without the values of other top-level keys.
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
  bool binary(binary_t&) override { return false; }  // text has no binary values

  bool start_object(std::size_t) override {
    names_.emplace_back();
    return open(json::object());
  }
  bool start_array(std::size_t) override { return open(json::array()); }
  bool end_object() override {
    names_.pop_back();
    return close();
  }
  bool end_array() override { return close(); }

  bool key(string_t& name) override {
    if (!names_.back().insert(name).second) {
      error = fmt::format("is damaged: the key {} stands twice in an object", json(name).dump());
      return false;
    }
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
    if (++depth_ <= most_depth) return true;
    error = fmt::format("is damaged: nested deeper than {}", most_depth);
    return false;
  }

  bool close() {
    --depth_;
    if (keeps_) open_.pop_back();
    if (depth_ == 1) keeps_ = true;  // the top-level container is closed in any case
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
  std::size_t depth_ = 0;    // number of open containers, kept or not
  std::vector<std::set<std::string>> names_;  // keys of the objects around the event
  bool keeps_ = true;
  std::string key_;
};

static_assert(oldest_readable <= schema_version && schema_version <= newest_readable);

/// Why a value is not a record of a readable version; empty if it is one.
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

constexpr std::string_view blanks = " \t\r";

bool is_blank(const std::string& line) {
  return line.find_first_not_of(blanks) == std::string::npos;
}

/// A line without surrounding blanks and byte-order mark. The line must not be blank.
std::string_view trimmed(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(blanks);
  line = line.substr(begin, line.find_last_not_of(blanks) + 1 - begin);
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (line.starts_with(byte_order_mark)) line.remove_prefix(byte_order_mark.size());
  return line;
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
  // Lines by hash and length, because a file of records need not fit into memory.
  std::map<std::pair<std::size_t, std::size_t>, std::size_t> known;
  std::string line;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    if (is_blank(line)) continue;
    tell_damage(false);
    const std::string_view text = trimmed(line);
    const auto [first, is_new] =
        known.try_emplace({std::hash<std::string_view>{}(text), text.size()}, number);
    if (!is_new) {
      if (visitor.repetition) visitor.repetition(number, first->second);
      continue;
    }
    Picker picker(keys);
    if (!json::sax_parse(text, &picker)) {
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
