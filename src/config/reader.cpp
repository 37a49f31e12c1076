// SPDX-License-Identifier: BSD-3-Clause
#include "config/reader.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "base/error.hpp"
#include "config/message.hpp"
#include "config/text_check.hpp"

namespace tidemark::config {

namespace {

/// Builds the tree from the parser's events. yaml-cpp's own tree drops marks and repeated keys.
class TreeBuilder final : public YAML::EventHandler {
 public:
  explicit TreeBuilder(Location origin) : origin_(std::move(origin)) { root_.location = origin_; }

  [[nodiscard]] Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) fail(mark, "a second YAML document; expected one document");
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) fail(mark, "a key is missing or null");
    add(make_node(Node::Kind::null, mark), anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) fail(mark, "a YAML alias (*name) in place of a key");
    const auto named = anchors_.find(anchor);
    if (named == anchors_.end()) fail(mark, "a YAML alias (*name) within what it names");
    copied_values_ += count_values(named->second);
    if (copied_values_ > max_copied_values) {
      fail(mark,
           fmt::format("YAML aliases (*name) stand for more than {} values", max_copied_values));
    }
    add(named->second, 0);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_tag(mark, tag);
    if (expects_key()) {
      if (anchor != 0) fail(mark, "a YAML anchor (&name) at a key; it belongs to a value");
      add_key(mark, value);
      return;
    }
    Node node = make_node(Node::Kind::scalar, mark);
    node.text = value;
    node.quoted = tag == "!";  // the parser's tag of a scalar that was not plain
    add(std::move(node), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(Node::Kind::sequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(Node::Kind::mapping, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

  [[nodiscard]] Location locate(const YAML::Mark& mark) const {
    if (origin_.line == 0) return origin_;
    if (mark.is_null()) return {origin_.source, 1, 1};
    return {origin_.source, mark.line + 1, mark.column + 1};
  }

 private:
  [[noreturn]] void fail(const YAML::Mark& mark, std::string_view what) const {
    refuse(locate(mark).text(), "", what);
  }

  static std::size_t count_values(const Node& node) {
    std::size_t count = 1;
    for (const Node& item : node.items) count += count_values(item);
    return count;
  }

  void refuse_tag(const YAML::Mark& mark, const std::string& tag) const {
    if (!tag.empty() && tag != "?" && tag != "!") fail(mark, "YAML tags (!name) are not supported");
  }

  [[nodiscard]] bool expects_key() const {
    return !open_.empty() && open_.back().kind == Node::Kind::mapping &&
           open_.back().keys.size() == open_.back().items.size();
  }

  [[nodiscard]] Node make_node(Node::Kind kind, const YAML::Mark& mark) const {
    Node node;
    node.kind = kind;
    node.location = locate(mark);
    // The parser's mark of a missing value points at the text that comes next.
    if (kind == Node::Kind::null && !open_.empty()) {
      const Node& parent = open_.back();
      node.location = parent.keys.empty() ? parent.location : parent.keys.back().location;
    }
    return node;
  }

  /// The dotted name of a key of the innermost mapping. Each outer mapping waits for the value of
  /// its last key.
  [[nodiscard]] std::string path_to(const std::string& name) const {
    std::string path;
    for (std::size_t i = 0; i + 1 < open_.size(); ++i) {
      if (open_[i].kind == Node::Kind::mapping) path += open_[i].keys.back().name + ".";
    }
    return path + name;
  }

  void add_key(const YAML::Mark& mark, const std::string& name) {
    auto& keys = open_.back().keys;
    const auto [same, is_new] = names_.back().emplace(name, keys.size());
    if (!is_new) {
      const int line = keys[same->second].location.line;
      const auto first = line > 0 ? fmt::format(", first on line {}", line) : std::string();
      fail(mark, fmt::format("{}: duplicate key{}", one_line(path_to(name)), first));
    }
    keys.push_back({name, locate(mark)});
  }

  /// Adds the keys of the mapping that "<<" names, except those that `mapping` already has. Of
  /// several mappings in a list, the first one with a key counts. This is YAML's type "merge".
  static void merge(Node& mapping) {
    const auto merging = std::find_if(mapping.keys.begin(), mapping.keys.end(),
                                      [](const Node::Key& key) { return key.name == "<<"; });
    if (merging == mapping.keys.end()) return;
    const auto at = merging - mapping.keys.begin();
    const Node source = std::move(mapping.items[static_cast<std::size_t>(at)]);
    mapping.keys.erase(merging);
    mapping.items.erase(mapping.items.begin() + at);
    if (source.kind == Node::Kind::sequence) {
      for (const Node& item : source.items) take_missing_keys(mapping, item);
    } else {
      take_missing_keys(mapping, source);
    }
  }

  static void take_missing_keys(Node& mapping, const Node& source) {
    if (source.kind != Node::Kind::mapping) {
      refuse(source.location.text(), "<<",
             fmt::format("expected a mapping, or a list of mappings, to take keys from, found {}",
                         source.kind_name()));
    }
    std::set<std::string> names;
    for (const Node::Key& key : mapping.keys) names.insert(key.name);
    for (std::size_t i = 0; i < source.keys.size(); ++i) {
      if (!names.insert(source.keys[i].name).second) continue;
      mapping.keys.push_back(source.keys[i]);
      mapping.items.push_back(source.items[i]);
    }
  }

  void open(Node::Kind kind, const YAML::Mark& mark, const std::string& tag,
            YAML::anchor_t anchor) {
    refuse_tag(mark, tag);
    if (expects_key()) {
      fail(mark, "found a list or a mapping in place of a key (is a closing bracket missing?)");
    }
    open_.push_back(make_node(kind, mark));
    names_.emplace_back();
    open_anchors_.push_back(anchor);
  }

  void close() {
    Node node = std::move(open_.back());
    const YAML::anchor_t anchor = open_anchors_.back();
    open_.pop_back();
    names_.pop_back();
    open_anchors_.pop_back();
    if (node.kind == Node::Kind::mapping) merge(node);
    add(std::move(node), anchor);
  }

  void add(Node node, YAML::anchor_t anchor) {
    if (anchor != 0) anchors_[anchor] = node;
    if (open_.empty()) {
      root_ = std::move(node);
    } else {
      open_.back().items.push_back(std::move(node));
    }
  }

  Location origin_;
  /// Far more than any input needs, and few enough to be created quickly.
  static constexpr std::size_t max_copied_values = 100'000;

  std::vector<Node> open_;  // the containers around the present event, innermost last
  std::vector<std::map<std::string, std::size_t>> names_;  // key names of `open_`, with indices
  std::vector<YAML::anchor_t> open_anchors_;               // anchors of `open_`; 0 for none
  std::map<YAML::anchor_t, Node> anchors_;                 // completed nodes of anchors
  std::size_t copied_values_ = 0;
  Node root_;
  int documents_ = 0;
};

std::string text_of(std::istream& stream, const std::string& shown) {
  std::string text(max_input_bytes + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (stream.bad()) {
    refuse(shown, "", "cannot read: " + std::generic_category().message(errno != 0 ? errno : EIO));
  }
  text.resize(static_cast<std::size_t>(stream.gcount()));
  if (text.size() > max_input_bytes) refuse(shown, "", "is over 1 MiB, so it is no input file");
  return text;
}

Node parse(const std::string& text, const Location& origin) {
  refuse_what_is_no_text(text, origin);
  TreeBuilder builder(origin);
  try {
    // If the text ends in an open quote, yaml-cpp takes the end of the last line for the end of the
    // quote. It does not do so after a comment, and a comment as last line has no other effect.
    std::istringstream stream(text + "\n#");
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    if (origin.line > 0) {
      const std::string line = wrong_indentation(text, origin, error.mark.line + 1);
      if (!line.empty()) throw InputError(line);
    }
    refuse(builder.locate(error.mark).text(), "", "not valid YAML: " + one_line(error.msg));
  }
  return builder.take_root();
}

}  // namespace

std::string Location::text() const {
  const std::string shown = one_line(source, 200);
  return line == 0 ? shown : fmt::format("{}:{}:{}", shown, line, column);
}

std::string_view Node::kind_name() const {
  switch (kind) {
    case Kind::null:
      return "nothing";
    case Kind::scalar:
      return "a single value";
    case Kind::sequence:
      return "a list";
    case Kind::mapping:
      return "a mapping";
  }
  return "";
}

std::string read_text(const std::string& path) {
  if (path == "-") return text_of(std::cin, path);
  const std::string shown = one_line(path, 200);
  const auto fail = [&](int code) {
    refuse(shown, "", "cannot read: " + std::generic_category().message(code));
  };
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) fail(EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(errno != 0 ? errno : EIO);
  return text_of(file, shown);
}

Node parse_document(const std::string& text, const std::string& file) {
  const Location top{file, 1, 1};
  Node root = parse(text, top);
  if (root.kind == Node::Kind::null) refuse(top.text(), "", "the file holds no settings");
  if (root.kind != Node::Kind::mapping) {
    refuse(root.location.text(), "",
           fmt::format("expected a mapping (KEY: VALUE) at the top level, found {}",
                       root.kind_name()));
  }
  return root;
}

Node parse_option_value(const std::string& text, const std::string& option) {
  return parse(text, Location{option, 0, 0});
}

}  // namespace tidemark::config
