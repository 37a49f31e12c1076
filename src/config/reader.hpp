// SPDX-License-Identifier: BSD-3-Clause
// Reads YAML text into a small tree that remembers the location of every value.
//
// yaml-cpp's own node tree lets the last of two equal keys win, and reads 010 as 8. Such an input
// would mean something other than what it says. This tree keeps the characters as written, and only
// the schema decides what they mean.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::config {

/// A location in the user's input.
struct Location {
  std::string source;  ///< a file's name, or a whole option such as `--set KEY=VALUE`
  int line = 0;        ///< from 1; 0 if `source` is the whole location
  int column = 0;      ///< from 1

  /// `FILE:LINE:COL`, or only `source`; always one line.
  [[nodiscard]] std::string text() const;
};

/// One value of the input: a leaf, a list, or a mapping with unique keys in the order of the input.
struct Node {
  enum class Kind { null, scalar, sequence, mapping };
  struct Key {
    std::string name;
    Location location;
  };

  Kind kind = Kind::null;
  Location location;        ///< for a missing value, that of its key or its list
  std::string text;         ///< scalar: the characters, unquoted and unescaped
  bool quoted = false;      ///< scalar: written in quotes or as a block, so it is a string
  std::vector<Key> keys;    ///< mapping: keys[i] belongs to items[i]
  std::vector<Node> items;  ///< sequence or mapping: the values

  /// "a list", "a mapping", ... for messages.
  [[nodiscard]] std::string_view kind_name() const;
};

/// Every input of Tidemark is far smaller than this; a larger file is a file of another kind.
inline constexpr std::size_t max_input_bytes = std::size_t{1} << 20;

/// The whole content of the file at `path`, or of standard input if `path` is "-". Throws
/// InputError if it cannot be read, is a directory, or exceeds max_input_bytes.
[[nodiscard]] std::string read_text(const std::string& path);

/// The tree of a whole input file, with a mapping at the top level.
/// `file` is the name used in messages. Throws InputError (`FILE:LINE:COL: ...`) if the text is not
/// one YAML document in UTF-8 with a mapping at the top level. It also throws for duplicate keys at
/// any level, and for tags, which have no meaning in the schema. Aliases are replaced by what their
/// anchors name. "<<" adds the keys of a mapping that the mapping around it does not have.
[[nodiscard]] Node parse_document(const std::string& text, const std::string& file);

/// The tree of one value given on the command line, by the same rules (the top may be of any kind).
/// `option` is the whole option, which messages show instead of a location.
[[nodiscard]] Node parse_option_value(const std::string& text, const std::string& option);

}  // namespace tidemark::config
