// SPDX-License-Identifier: BSD-3-Clause
// Reads YAML text into a small tree that remembers where everything stands.
//
// yaml-cpp's own node tree would do for correct input, but it lets the last of two equal keys win
// and reads 010 as 8: an input that means something other than what it says. This tree keeps the
// characters as written, so that the schema alone decides what they mean.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace tidemark::config {

/// A place in the user's input.
struct Location {
  std::string source;  ///< a file's name, or a whole option such as `--set KEY=VALUE`
  int line = 0;        ///< from 1; 0 where `source` alone says where
  int column = 0;      ///< from 1

  /// `FILE:LINE:COL`, or `source` alone; always one line.
  [[nodiscard]] std::string text() const;
};

/// One value of the input: a leaf, a list, or a mapping with unique keys in the order written.
struct Node {
  enum class Kind { null, scalar, sequence, mapping };
  struct Key {
    std::string name;
    Location location;
  };

  Kind kind = Kind::null;
  Location location;        ///< a missing value stands where its key or its list does
  std::string text;         ///< scalar: the characters, unquoted and unescaped
  bool quoted = false;      ///< scalar: written in quotes or as a block, hence certainly a string
  std::vector<Key> keys;    ///< mapping: keys[i] belongs to items[i]
  std::vector<Node> items;  ///< sequence or mapping: the values

  /// "a list", "a mapping", ... for messages.
  [[nodiscard]] std::string_view kind_name() const;
};

/// No input of Tidemark's comes near this size; a larger file is some other file.
inline constexpr std::size_t max_input_bytes = std::size_t{1} << 20;

/// The whole content of the file at `path`; of standard input where that is "-".
/// Throws InputError where it cannot be read, is a directory, or exceeds max_input_bytes.
[[nodiscard]] std::string read_text(const std::string& path);

/// The tree of a whole input file; its top level is a mapping.
/// `file` is the name used in messages. Throws InputError (`FILE:LINE:COL: ...`) on anything that
/// is not one YAML document in UTF-8 with a mapping on top, on duplicate keys at any level, and on
/// tags, which the schema has no meaning for. Aliases stand for what their anchors name, and "<<"
/// for the keys of a mapping, as far as the one around it has them not.
[[nodiscard]] Node parse_document(const std::string& text, const std::string& file);

/// The tree of one value given on the command line, by the same rules (any kind may be on top).
/// `option` is the whole option, which takes the place of the location in messages.
[[nodiscard]] Node parse_option_value(const std::string& text, const std::string& option);

}  // namespace tidemark::config
