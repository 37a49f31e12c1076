// SPDX-License-Identifier: BSD-3-Clause
#include "config/reader.hpp"

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include "config/refusal.hpp"

namespace tidemark::config {
namespace {

using testing::refusal;

std::string refused(const std::string& text) {
  return refusal([&] { return parse_document(text, "f.yaml"); });
}

/// A file in the system's temporary folder, which is removed at the end of the test.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& content)
      : path_((std::filesystem::temp_directory_path() /
               ("tidemark-reader-" + std::to_string(reinterpret_cast<std::uintptr_t>(this))))
                  .string()) {
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string path_;
};

TEST(Reader, KeepsCharactersAndOrder) {
  const Node root = parse_document("b: 010\na: {x: 'yes', y: [1, ~]}\n", "f.yaml");
  ASSERT_EQ(root.kind, Node::Kind::mapping);
  ASSERT_EQ(root.keys.size(), 2U);
  EXPECT_EQ(root.keys[0].name, "b");
  EXPECT_EQ(root.items[0].text, "010");
  EXPECT_FALSE(root.items[0].quoted);
  const Node& a = root.items[1];
  ASSERT_EQ(a.keys.size(), 2U);
  EXPECT_EQ(a.items[0].text, "yes");
  EXPECT_TRUE(a.items[0].quoted);
  ASSERT_EQ(a.items[1].kind, Node::Kind::sequence);
  ASSERT_EQ(a.items[1].items.size(), 2U);
  EXPECT_EQ(a.items[1].items[0].kind, Node::Kind::scalar);
  EXPECT_EQ(a.items[1].items[1].kind, Node::Kind::null);
}

TEST(Reader, KnowsWhereEverythingStands) {
  const Node root =
      parse_document("# comment\nmodel:\n  size: 3\n  empty:\nlist: [7, 8]\n", "f.yaml");
  EXPECT_EQ(root.keys[0].location.text(), "f.yaml:2:1");
  const Node& model = root.items[0];
  EXPECT_EQ(model.keys[0].location.text(), "f.yaml:3:3");
  EXPECT_EQ(model.items[0].location.text(), "f.yaml:3:9");
  EXPECT_EQ(model.items[1].kind, Node::Kind::null);
  EXPECT_EQ(model.items[1].location.text(), "f.yaml:4:3") << "a missing value stands at its key";
  EXPECT_EQ(root.items[1].items[1].location.text(), "f.yaml:5:11");
  EXPECT_EQ(parse_document("a:\n  -\n", "f.yaml").items[0].items[0].location.text(), "f.yaml:2:3");
}

TEST(Reader, TakesWindowsLineEndsAndByteOrderMarks) {
  const Node root = parse_document(
      "\xEF\xBB\xBF"
      "a: 1\r\nb: 2\r\n",
      "f.yaml");
  ASSERT_EQ(root.keys.size(), 2U);
  EXPECT_EQ(root.keys[0].name, "a");
  EXPECT_EQ(root.items[0].text, "1");
  EXPECT_EQ(root.keys[1].location.text(), "f.yaml:2:1");
}

TEST(Reader, RefusesDuplicateKeysAtEveryLevel) {
  EXPECT_EQ(refused("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: a: duplicate key, first on line 1");
  EXPECT_EQ(refused("model:\n  x: 1\n  x: 1\n"),
            "f.yaml:3:3: model.x: duplicate key, first on line 2");
  EXPECT_EQ(refused("m: {n: {x: 1, 'x': 2}}"),
            "f.yaml:1:15: m.n.x: duplicate key, first on line 1");
}

TEST(Reader, RefusesWhatIsNotOneMapping) {
  EXPECT_EQ(refused(""), "f.yaml:1:1: the file holds no settings");
  EXPECT_EQ(refused("# nothing\n\n"), "f.yaml:1:1: the file holds no settings");
  EXPECT_EQ(refused("hello\n"),
            "f.yaml:1:1: expected a mapping (KEY: VALUE) at the top level, found a single value");
  EXPECT_EQ(refused("- 1\n- 2\n"),
            "f.yaml:1:1: expected a mapping (KEY: VALUE) at the top level, found a list");
  EXPECT_EQ(refused("a: 1\n---\nb: 2\n"),
            "f.yaml:2:1: a second YAML document; expected one document");
}

TEST(Reader, AliasesStandForWhatAnchorsName) {
  const Node root =
      parse_document("a: &x 1\nb: *x\nc: &y [1, {d: &z ~}]\ne: *y\nf: *z\n", "f.yaml");
  EXPECT_EQ(root.items[1].text, "1");
  EXPECT_EQ(root.items[1].location.line, 1) << "of the value, where it is written";
  ASSERT_EQ(root.items[3].kind, Node::Kind::sequence);
  EXPECT_EQ(root.items[3].items[1].keys[0].name, "d");
  EXPECT_EQ(root.items[4].kind, Node::Kind::null);
  EXPECT_EQ(refused("a: &x {b: *x}\n"), "f.yaml:1:11: a YAML alias (*name) within what it names");
  EXPECT_EQ(refused("a: &x 1\n*x : 2\n"), "f.yaml:2:1: a YAML alias (*name) in place of a key");
  EXPECT_EQ(refused("&x a: 1\n"),
            "f.yaml:1:1: a YAML anchor (&name) at a key; it belongs to a value");
}

TEST(Reader, MergesKeysThatAMappingHasNot) {
  const auto text_of_keys = [](const Node& mapping) {
    std::string text;
    for (std::size_t i = 0; i < mapping.keys.size(); ++i) {
      text += mapping.keys[i].name + "=" + mapping.items[i].text + " ";
    }
    return text;
  };
  const Node one = parse_document("a: &x {b: 1, c: 2}\nd: {c: 3, <<: *x, e: 4}\n", "f.yaml");
  EXPECT_EQ(text_of_keys(one.items[1]), "c=3 e=4 b=1 ");
  const Node list =
      parse_document("a: &x {b: 1}\nc: &y {b: 2, d: 3}\ne:\n  <<: [*x, *y]\n  f: 4\n", "f.yaml");
  EXPECT_EQ(text_of_keys(list.items[2]), "f=4 b=1 d=3 ");
  EXPECT_EQ(refused("a: {<<: 1}\n"),
            "f.yaml:1:9: <<: expected a mapping, or a list of mappings, to take keys from, found a "
            "single value");
  EXPECT_EQ(refused("a: {<<: {b: 1}, <<: {c: 1}}\n"),
            "f.yaml:1:17: a.<<: duplicate key, first on line 1");
}

TEST(Reader, RefusesAliasesThatExplode) {
  std::string text = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 10; ++i) {
    text += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int k = 0; k < 10; ++k) text += (k > 0 ? ", *a" : "*a") + std::to_string(i - 1);
    text += "]\n";
  }
  EXPECT_NE(refused(text).find("YAML aliases (*name) stand for more than 100000 values"),
            std::string::npos);
}

TEST(Reader, TakesManyKeysAtOnce) {
  std::string text;
  for (int i = 0; i < 80'000; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(parse_document(text, "f.yaml").keys.size(), 80'000U);
  // Comparing all pairs took ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(Reader, RefusesTextThatIsNotUtf8) {
  EXPECT_EQ(refused("name: gr\xf6sse\n"),
            "f.yaml:1:9: not UTF-8: byte 0xf6; expected text in UTF-8");
  EXPECT_EQ(refused("a: 1\n# \xc3"), "f.yaml:2:3: not UTF-8: byte 0xc3; expected text in UTF-8");
  EXPECT_EQ(refused("\xff\xfe"
                    "a"),
            "f.yaml:1:1: not UTF-8: byte 0xff; expected text in UTF-8");
  // Too long, half of a UTF-16 pair, beyond the last character, and a byte that continues nothing.
  for (const char* text : {"a: \xc0\xaf", "a: \xe0\x80\xaf", "a: \xed\xa0\x80",
                           "a: \xf4\x90\x80\x80", "a: \xf0\x80\x80\xaf", "a: \x80"}) {
    EXPECT_NE(refused(text).find(":1:4: not UTF-8"), std::string::npos) << text;
  }
  EXPECT_EQ(parse_document("a: gr\xc3\xb6\xc3\x9f"
                           "e \xe2\x82\xac \xf0\x9f\x98\x80\n",
                           "f")
                .items[0]
                .text,
            "gr\xc3\xb6\xc3\x9f"
            "e \xe2\x82\xac \xf0\x9f\x98\x80");
}

TEST(Reader, NamesIndentationThatIsNoSpaces) {
  EXPECT_EQ(refused("a:\n\tb: 1\n"), "f.yaml:2:1: indented by a tab; expected spaces");
  EXPECT_EQ(refused("a:\n  b: 1\n  \tc: d: 2\n"), "f.yaml:3:3: indented by a tab; expected spaces");
  EXPECT_EQ(refused("a:\n  b: 1\n\u00a0 c: d: 2\n"),
            "f.yaml:3:1: indented by a no-break space (U+00A0); expected spaces");
}

TEST(Reader, RefusesTagsAndOddKeys) {
  EXPECT_EQ(refused("a: !!int 1\n"), "f.yaml:1:4: YAML tags (!name) are not supported");
  EXPECT_EQ(refused("a: !!seq [1]\n"), "f.yaml:1:4: YAML tags (!name) are not supported");
  EXPECT_EQ(
      refused("[1, 2]: 3\n"),
      "f.yaml:1:1: found a list or a mapping in place of a key (is a closing bracket missing?)");
  EXPECT_EQ(refused("~: 3\n"), "f.yaml:1:1: a key is missing or null");
}

TEST(Reader, ReportsSyntaxErrorsOnOneLine) {
  for (const char* text : {"a: [1, 2\n", "a: {b: 1\n", "a: 'x\n", "a: \"x\n\n", "a: b: c\n",
                           "a: 1\n b: 2\n", "*x", "%YAML\n", "\"\\q\"", "@", "a: %"}) {
    const std::string line = refused(text);
    EXPECT_TRUE(line.starts_with("f.yaml:")) << text << " gave " << line;
    EXPECT_NE(line.find(": not valid YAML: "), std::string::npos) << text << " gave " << line;
    EXPECT_EQ(line.find('\n'), std::string::npos) << text;
  }
  EXPECT_EQ(refused("a: 1\nb: c: d\n"), "f.yaml:2:5: not valid YAML: illegal map value");
}

TEST(Reader, TakesBlockAndLongPlainText) {
  EXPECT_EQ(parse_document("a: |\n  x\n  y\nb: 1\n", "f").items[0].text, "x\ny\n");
  EXPECT_EQ(parse_document("b: 1\na: |-\n  x\n  y", "f").items[1].text, "x\ny");
  EXPECT_EQ(parse_document("a: x\n  y", "f").items[0].text, "x y");
  EXPECT_EQ(parse_document("a: 1\n...\n", "f").items[0].text, "1");
  EXPECT_EQ(parse_document("---\na: 1", "f").items[0].text, "1");
}

TEST(Reader, RefusesBinaryContent) {
  EXPECT_EQ(refused(std::string("a: 1\nb\x04: 2\n")),
            "f.yaml:2:2: control character 0x04; expected a text file");
  EXPECT_EQ(refused(std::string("\x7f"
                                "ELF\0",
                                5)),
            "f.yaml:1:1: control character 0x7f; expected a text file");
  EXPECT_EQ(refused(std::string("a\0: 1", 6)),
            "f.yaml:1:2: control character 0x00; expected a text file");
}

TEST(Reader, RefusesEndlessNesting) {
  EXPECT_TRUE(refused("a: " + std::string(100000, '[')).starts_with("f.yaml:1:"));
  const std::string closed = "a: " + std::string(100000, '[') + std::string(100000, ']');
  EXPECT_TRUE(refused(closed).starts_with("f.yaml:1:"));
}

TEST(Reader, KeepsFileNamesOnOneLine) {
  const std::string line = refusal([] { return parse_document("- 1", "a\nb"); });
  EXPECT_TRUE(line.starts_with("a\\nb:1:1: ")) << line;
}

TEST(Reader, ReadsOptionValues) {
  EXPECT_EQ(parse_option_value("true", "--set a=true").text, "true");
  EXPECT_EQ(parse_option_value("[1, 2]", "--set a=[1, 2]").items.size(), 2U);
  EXPECT_EQ(parse_option_value("", "--set a=").kind, Node::Kind::null);
  const Node list = parse_option_value("[1]", "--set a=[1]");
  EXPECT_EQ(list.items[0].location.text(), "--set a=[1]");
  EXPECT_EQ(parse_option_value("", "--set a=").location.text(), "--set a=");
  EXPECT_EQ(
      refusal([] { return parse_option_value("[1", "--set a=[1"); }),
      "--set a=[1: found a list or a mapping in place of a key (is a closing bracket missing?)");
  EXPECT_EQ(refusal([] { return parse_option_value("a: b: c", "--set a=a: b: c"); }),
            "--set a=a: b: c: not valid YAML: illegal map value");
}

TEST(ReadText, ReturnsTheBytes) {
  const TemporaryFile file("a: 1\r\n\n");
  EXPECT_EQ(read_text(file.path()), "a: 1\r\n\n");
  EXPECT_EQ(read_text(TemporaryFile("").path()), "");
}

TEST(ReadText, SaysWhyItCannotRead) {
  EXPECT_EQ(refusal([] { return read_text("/nowhere/f.yaml"); }),
            "/nowhere/f.yaml: cannot read: No such file or directory");
  EXPECT_EQ(refusal([] { return read_text("/tmp"); }), "/tmp: cannot read: Is a directory");
  EXPECT_EQ(refusal([] { return read_text(""); }), ": cannot read: No such file or directory");
}

TEST(ReadText, StopsAtTheLargestInput) {
  const TemporaryFile most(std::string(max_input_bytes, '#'));
  EXPECT_EQ(read_text(most.path()).size(), max_input_bytes);
  const TemporaryFile more(std::string(max_input_bytes + 1, '#'));
  EXPECT_EQ(refusal([&] { return read_text(more.path()); }),
            more.path() + ": is over 1 MiB, so it is no input file");
}

}  // namespace
}  // namespace tidemark::config
