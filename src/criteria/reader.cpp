// SPDX-License-Identifier: BSD-3-Clause
#include "criteria/reader.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "config/message.hpp"
#include "config/reader.hpp"
#include "config/scalar.hpp"
#include "config/schema.hpp"
#include "criteria/record_key.hpp"

namespace tidemark::criteria {

namespace {

using config::Node;
using config::refuse;

constexpr double largest = std::numeric_limits<double>::max();
constexpr config::RealRange any_number{-largest, true, largest, true};
constexpr config::RealRange shares{0.0, true, largest, true};
constexpr config::RealRange tolerances_below{-1.0, true, 0.0, true};

const std::vector<std::string_view> file_keys{"name", "criteria"};
const std::vector<std::string_view> criterion_keys{
    "name",      "where",  "min_cases",  "key",  "unit",          "min",  "max",
    "reference", "equals", "max_spread", "over", "max_straggler", "valid"};

void require_mapping(const Node& node, std::string_view key) {
  if (node.kind == Node::Kind::mapping) return;
  refuse(node.location.text(), key,
         fmt::format("expected a mapping (KEY: VALUE), found {}", node.kind_name()));
}

void refuse_unknown_keys(const Node& node, const std::vector<std::string_view>& known) {
  for (const Node::Key& key : node.keys) {
    if (std::find(known.begin(), known.end(), key.name) != known.end()) continue;
    refuse(key.location.text(), key.name, config::unknown_key_message(key.name, known));
  }
}

/// The value of a key; null if there is none.
const Node* child(const Node& node, std::string_view name) {
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    if (node.keys[i].name == name) return &node.items[i];
  }
  return nullptr;
}

std::string place_of(const Node& node, std::string_view name) {
  for (const Node::Key& key : node.keys) {
    if (key.name == name) return key.location.text();
  }
  return node.location.text();
}

/// The values of a list; a single value counts as a list of one.
std::vector<std::string> texts_of(const Node& node, std::string_view key) {
  if (node.kind != Node::Kind::sequence) return {config::to_text(node, key)};
  if (node.items.empty()) refuse(node.location.text(), key, "the list of values is empty");
  std::vector<std::string> texts;
  for (const Node& item : node.items) texts.push_back(config::to_text(item, key));
  return texts;
}

/// Reads one criterion of the list.
class CriterionReader {
 public:
  explicit CriterionReader(const Node& node) : node_(node) {}

  Criterion read() {
    require_mapping(node_, "criteria");
    refuse_unknown_keys(node_, criterion_keys);
    Criterion criterion;
    const Node* const name = child(node_, "name");
    if (name == nullptr) refuse(node_.location.text(), "name", "required key is missing");
    criterion.name = config::to_text(*name, "name");
    criterion.where_written = node_.location.text();
    read_where(criterion);
    if (const Node* const count = child(node_, "min_cases")) {
      criterion.min_cases = config::to_integer(*count, "min_cases", {1, 1'000'000});
    }
    criterion.demand = read_demand();
    return criterion;
  }

 private:
  [[nodiscard]] bool has(std::string_view key) const { return child(node_, key) != nullptr; }

  [[noreturn]] void fail(std::string_view key, std::string_view what) const {
    refuse(place_of(node_, key), key, what);
  }

  /// Refuses the keys that are present, for `reason`.
  void refuse_keys(std::initializer_list<std::string_view> keys, std::string_view reason) const {
    for (const std::string_view key : keys) {
      if (has(key)) fail(key, reason);
    }
  }

  [[nodiscard]] RecordPath key() const {
    const Node* const node = child(node_, "key");
    if (node == nullptr) refuse(node_.location.text(), "key", "required key is missing");
    RecordPath path = RecordPath::parse(config::to_text(*node, "key"), node->location.text());
    refuse_unknown_key(path, node->location.text());
    return path;
  }

  [[nodiscard]] double share(std::string_view key) const {
    return config::to_real(*child(node_, key), key, shares);
  }

  void read_where(Criterion& criterion) const {
    const Node* const where = child(node_, "where");
    if (where == nullptr) return;
    require_mapping(*where, "where");
    for (std::size_t i = 0; i < where->keys.size(); ++i) {
      criterion.where.push_back(read_condition(where->keys[i], where->items[i]));
    }
  }

  /// A setting is given by its own name, and another key of the record by its path.
  static Condition read_condition(const Node::Key& key, const Node& node) {
    const std::string place = key.location.text();
    const config::Setting* const setting = config::find_setting(key.name);
    std::vector<std::string> values = texts_of(node, key.name);
    if (setting == nullptr) {
      const std::string root = key.name.substr(0, key.name.find_first_of(".["));
      const auto& known = record_keys();
      const bool is_record_key = std::find(known.begin(), known.end(), root) != known.end();
      if (!is_record_key) {
        refuse(place, "where." + key.name, config::unknown_key_message(key.name, "where."));
      }
      RecordPath path = RecordPath::parse(key.name, place);
      refuse_unknown_key(path, place);
      return {std::move(path), key.name, std::move(values)};
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const Node& leaf = node.kind == Node::Kind::sequence ? node.items[i] : node;
      values[i] = config::format_value(setting->parse(leaf));
    }
    return {RecordPath::parse("case." + key.name, place), key.name, std::move(values)};
  }

  [[nodiscard]] decltype(Criterion::demand) read_demand() const {
    std::string_view kind;
    for (const std::string_view key :
         {"min", "max", "reference", "equals", "max_spread", "max_straggler", "valid"}) {
      if (!has(key) || (kind == "min" && key == "max")) continue;
      if (!kind.empty())
        fail(key, fmt::format("stands beside {}; one criterion asks for one thing", kind));
      kind = key;
    }
    if (kind != "max_spread") refuse_keys({"over"}, "belongs to max_spread");
    if (kind == "min" || kind == "max") return read_bounds();
    if (kind == "reference") return read_reference();
    refuse_keys({"unit"}, "belongs to min and max");
    if (kind == "equals") return Equality{key(), texts_of(*child(node_, "equals"), "equals")};
    if (kind == "max_spread") return read_spread();
    if (kind == "max_straggler") {
      refuse_keys({"key"}, "has no meaning beside max_straggler, which looks at ranks_detail");
      return Straggler{share("max_straggler")};
    }
    if (kind == "valid") {
      refuse_keys({"key"}, "has no meaning beside valid");
      if (!config::to_boolean(*child(node_, "valid"), "valid")) fail("valid", "can only be true");
      return Validity{};
    }
    refuse(node_.location.text(), "criteria",
           "asks for nothing; expected min, max, reference, equals, max_spread, max_straggler or "
           "valid");
  }

  /// The unit of the bounds of a key. Throws if `name` is missing or has another dimension.
  static Unit unit_for(const RecordPath& path, const Unit& own, const Node* name,
                       const std::string& place) {
    if (name == nullptr) {
      if (own.dimension == Dimension::none) return own;
      refuse(place, "unit",
             fmt::format("is missing: {} is in {}; accepted: {}", path.text(), own.name,
                         names_of(own.dimension)));
    }
    const std::string text = config::to_text(*name, "unit");
    const Unit* const unit = find_unit(text);
    if (unit == nullptr || unit->dimension != own.dimension) {
      refuse(name->location.text(), "unit",
             fmt::format("'{}' is no unit of {}, which is in {}; accepted: {}",
                         config::one_line(text), path.text(), own.name, names_of(own.dimension)));
    }
    return *unit;
  }

  [[nodiscard]] Bounds read_bounds() const {
    const RecordPath path = key();
    const Unit own = unit_of(path.keys());
    const Unit unit = unit_for(path, own, child(node_, "unit"), node_.location.text());
    Bounds bounds{path, unit, own, {}, {}};
    if (has("min")) bounds.least = config::to_real(*child(node_, "min"), "min", any_number);
    if (has("max")) bounds.most = config::to_real(*child(node_, "max"), "max", any_number);
    if (bounds.least && bounds.most && *bounds.least > *bounds.most) {
      fail("max", fmt::format("is below min, {}", *bounds.least));
    }
    return bounds;
  }

  /// Reads [value, tolerance below, tolerance above, unit]. A tolerance is null if that side is
  /// open.
  [[nodiscard]] Bounds read_reference() const {
    refuse_keys({"unit"}, "belongs to min and max; a reference has its own");
    const Node& list = *child(node_, "reference");
    if (list.kind != Node::Kind::sequence || list.items.size() < 3 || list.items.size() > 4) {
      refuse(
          list.location.text(), "reference",
          "expected [value, tolerance below, tolerance above, unit], as in [100, -0.1, 0.05, ms]");
    }
    const RecordPath path = key();
    const Unit own = unit_of(path.keys());
    const Node* const name = list.items.size() == 4 ? &list.items[3] : nullptr;
    const Unit unit = unit_for(path, own, name, list.location.text());
    const double value = config::to_real(list.items[0], "reference", any_number);
    if (value == 0.0) {
      refuse(list.items[0].location.text(), "reference",
             "a share of 0 is no tolerance; use min and max");
    }
    Bounds bounds{path, unit, own, {}, {}};
    if (list.items[1].kind != Node::Kind::null) {
      bounds.least =
          value + std::abs(value) * config::to_real(list.items[1], "reference", tolerances_below);
    }
    if (list.items[2].kind != Node::Kind::null) {
      bounds.most = value + std::abs(value) * config::to_real(list.items[2], "reference", shares);
    }
    if (!bounds.least && !bounds.most) {
      refuse(list.location.text(), "reference", "both sides are open: it asks for nothing");
    }
    return bounds;
  }

  [[nodiscard]] Spread read_spread() const {
    const Node* const over = child(node_, "over");
    if (over == nullptr) {
      refuse(node_.location.text(), "over",
             "required key is missing beside max_spread: iterations or records");
    }
    const std::string word = config::to_text(*over, "over");
    if (word != "iterations" && word != "records") {
      refuse(over->location.text(), "over",
             fmt::format("'{}' is not accepted, expected one of iterations, records",
                         config::one_line(word)));
    }
    RecordPath path = key();
    if (path.finds_many()) {
      fail("key", "selects by name or all, which may find several; a spread is of one place");
    }
    return {std::move(path), word == "records" ? Spread::Over::records : Spread::Over::iterations,
            share("max_spread")};
  }

  const Node& node_;
};

}  // namespace

std::vector<Criterion> read_criteria(const std::string& text, const std::string& file) {
  const Node root = config::parse_document(text, file);
  refuse_unknown_keys(root, file_keys);
  const Node* const list = child(root, "criteria");
  if (list == nullptr) refuse(root.location.text(), "criteria", "required key is missing");
  if (list->kind != Node::Kind::sequence || list->items.empty()) {
    refuse(
        list->location.text(), "criteria",
        fmt::format("expected a list of criteria, found {}",
                    list->items.empty() && list->kind == Node::Kind::sequence ? "an empty one"
                                                                              : list->kind_name()));
  }
  if (const Node* const name = child(root, "name")) (void)config::to_text(*name, "name");
  std::vector<Criterion> criteria;
  std::set<std::string> names;
  for (const Node& node : list->items) {
    criteria.push_back(CriterionReader(node).read());
    if (!names.insert(criteria.back().name).second) {
      refuse(place_of(node, "name"), "name",
             fmt::format("a second criterion of the name '{}'",
                         config::one_line(criteria.back().name)));
    }
  }
  return criteria;
}

}  // namespace tidemark::criteria
