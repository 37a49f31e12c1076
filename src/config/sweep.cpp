// SPDX-License-Identifier: BSD-3-Clause
#include "config/sweep.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "config/message.hpp"
#include "config/preset.hpp"
#include "config/reader.hpp"
#include "config/schema.hpp"
#include "config/validate.hpp"

namespace tidemark::config {

namespace {

constexpr std::string_view sweep_prefix = "sweep.";

/// A value that the input gives to a setting, and its location.
struct Given {
  Value value;
  std::string where;
};

struct Axis {
  const Setting* setting;
  std::vector<Given> values;
  std::string where;
};

/// Everything that the input says, before the cross product of the sweep.
class Input {
 public:
  explicit Input(const std::string& file) { sections_[""] = Location{file, 1, 1}.text(); }

  void read(const Node& root);
  void apply(const std::string& assignment);
  [[nodiscard]] std::vector<Case> cases() const;

 private:
  void read_section(const Node::Key& section, const Node& node);
  void read_sweep(const Node& node);
  void set(const Setting& setting, const Node& node);
  void set_axis(const Setting& setting, const Node& node, const std::string& where);
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] Case at(std::size_t index, std::size_t total) const;

  std::map<const Setting*, Given> given_;
  std::vector<Axis> axes_;                       // in order; the first varies slowest
  std::map<std::string, std::string> sections_;  // where each section of the file begins
};

/// Refuses a name that cannot have a value.
[[noreturn]] void refuse_name(const std::string& where, const std::string& name,
                              std::string_view prefix) {
  const std::string shown = std::string(prefix) + name;
  if (is_section(name)) {
    refuse(where, shown,
           fmt::format("is a section; name one of its keys, as in {}{}.KEY", prefix, name));
  }
  refuse(where, shown, unknown_key_message(name, prefix));
}

void require_mapping(const Node& node, const std::string& key) {
  // A section is empty if all its lines are commented out.
  if (node.kind == Node::Kind::mapping || node.kind == Node::Kind::null) return;
  refuse(node.location.text(), key,
         fmt::format("expected a mapping (KEY: VALUE), found {}", node.kind_name()));
}

void Input::read(const Node& root) {
  for (std::size_t i = 0; i < root.keys.size(); ++i) {
    const Node::Key& key = root.keys[i];
    const std::string where = key.location.text();
    if (key.name == "sweep") {
      read_sweep(root.items[i]);
    } else if (is_section(key.name)) {
      read_section(key, root.items[i]);
    } else if (const auto dot = key.name.find('.'); dot != std::string::npos) {
      const bool known = find_setting(key.name) != nullptr;
      refuse(where, key.name,
             known ? fmt::format("dotted keys belong under sweep only; write {}: under {}:",
                                 key.name.substr(dot + 1), key.name.substr(0, dot))
                   : unknown_key_message(key.name));
    } else if (const Setting* setting = find_setting(key.name)) {
      set(*setting, root.items[i]);
    } else {
      refuse(where, key.name, unknown_key_message(key.name));
    }
  }
}

void Input::read_section(const Node::Key& section, const Node& node) {
  require_mapping(node, section.name);
  sections_[section.name] = section.location.text();
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string name = section.name + "." + node.keys[i].name;
    const Setting* setting = find_setting(name);
    if (setting == nullptr) {
      refuse(node.keys[i].location.text(), name, unknown_key_message(name));
    }
    set(*setting, node.items[i]);
  }
}

void Input::read_sweep(const Node& node) {
  require_mapping(node, "sweep");
  for (std::size_t i = 0; i < node.keys.size(); ++i) {
    const std::string where = node.keys[i].location.text();
    const Setting* setting = find_setting(node.keys[i].name);
    if (setting == nullptr) refuse_name(where, node.keys[i].name, sweep_prefix);
    set_axis(*setting, node.items[i], where);
  }
}

void Input::apply(const std::string& assignment) {
  const std::string option = "--set " + assignment;
  const std::string where = Location{option, 0, 0}.text();
  const auto equals = assignment.find('=');
  if (equals == std::string::npos) refuse(where, "", "expected KEY=VALUE");
  std::string name = assignment.substr(0, equals);
  if (name.empty()) refuse(where, "", "expected KEY=VALUE, the key is empty");
  if (name == "sweep") refuse(where, name, "name the key to sweep, as in sweep.KEY=[A, B]");
  const bool is_axis = name.starts_with(sweep_prefix);
  if (is_axis) name.erase(0, sweep_prefix.size());
  const Setting* setting = find_setting(name);
  if (setting == nullptr) refuse_name(where, name, is_axis ? sweep_prefix : "");
  const Node value = parse_option_value(assignment.substr(equals + 1), option);
  if (is_axis) {
    set_axis(*setting, value, where);
    return;
  }
  set(*setting, value);
  std::erase_if(axes_, [&](const Axis& axis) { return axis.setting == setting; });
}

void Input::set(const Setting& setting, const Node& node) {
  given_[&setting] = {setting.parse(node), node.location.text()};
}

void Input::set_axis(const Setting& setting, const Node& node, const std::string& where) {
  const std::string name = std::string(sweep_prefix) + setting.name;
  if (node.kind != Node::Kind::sequence) {
    refuse(node.location.text(), name,
           fmt::format("expected a list of values, as in [A, B], found {}", node.kind_name()));
  }
  if (node.items.empty()) refuse(node.location.text(), name, "the list of values is empty");
  Axis axis{&setting, {}, where};
  for (const Node& item : node.items) {
    axis.values.push_back({setting.parse(item), item.location.text()});
  }
  const auto same = std::find_if(axes_.begin(), axes_.end(),
                                 [&](const Axis& other) { return other.setting == &setting; });
  if (same != axes_.end()) {
    *same = std::move(axis);
  } else {
    axes_.push_back(std::move(axis));
  }
}

/// The number of cases. Counting stops at the axis that exceeds the limit, so nothing can overflow.
std::size_t Input::count() const {
  std::size_t product = 1;
  for (const Axis& axis : axes_) {
    product *= axis.values.size();
    if (product > max_cases) {
      refuse(axis.where, std::string(sweep_prefix) + axis.setting->name,
             fmt::format("the sweep has more than {} cases", max_cases));
    }
  }
  return product;
}

/// Requires that the input or its preset gives each required key.
void require_keys(const Case& c) {
  for (const Setting& setting : settings()) {
    if (!setting.required || c.is_given(setting.name)) continue;
    refuse(c.locate(setting.name), setting.name, "required key is missing");
  }
}

/// One case as the input gives it. Values of the sweep override those of the sections. Both
/// override the values of the preset, even if the sweep names the preset.
Case Input::at(std::size_t index, std::size_t total) const {
  Case c;
  c.index = index;
  c.locations = sections_;
  std::map<const Setting*, Given> given = given_;
  std::size_t stride = total;  // cases between two values of the current axis
  for (const Axis& axis : axes_) {
    stride /= axis.values.size();
    const Given& value = axis.values[index / stride % axis.values.size()];
    given[axis.setting] = value;
    c.swept.emplace_back(axis.setting->name, format_value(value.value));
  }
  if (const auto named = given.find(find_setting("model.preset")); named != given.end()) {
    apply_preset(c, std::get<std::string>(named->second.value), named->second.where);
  }
  for (const auto& [setting, value] : given) {
    setting->set(c, value.value);
    c.locations[setting->name] = value.where;
    c.from_preset.erase(setting->name);
  }
  return c;
}

std::vector<Case> Input::cases() const {
  const std::size_t total = count();
  std::vector<Case> all;
  all.reserve(total);
  for (std::size_t index = 0; index < total; ++index) {
    Case c = at(index, total);
    require_keys(c);
    resolve_defaults(c);
    validate(c);
    all.push_back(std::move(c));
  }
  return all;
}

}  // namespace

std::vector<Case> load_cases(const std::string& text, const std::string& file,
                             const std::vector<std::string>& overrides) {
  Input input(file);
  input.read(parse_document(text, file));
  for (const std::string& assignment : overrides) input.apply(assignment);
  return input.cases();
}

}  // namespace tidemark::config
