#include "bgdeploy/spec/dotenv.hpp"

#include <gmock/gmock.h>

namespace bgdeploy::spec {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;
using testing::UnorderedElementsAre;

using Values = std::map<std::string, std::string>;

core::Result<Values> parse(std::string_view text) {
  return parse_dotenv(text, ".env", [](std::string_view name) -> std::optional<std::string> {
    if (name == "HOME") return "/home/jo";
    if (name == "EMPTY") return "";
    return {};
  });
}

// The value of X, or the error.
std::string x(std::string_view line) {
  const auto values = parse(line);
  if (!values) return "error: " + values.error().message;
  const auto found = values->find("X");
  return found == values->end() ? "absent" : found->second;
}

TEST(Dotenv, QuotesEndAndRemarksAreNoPartOfAValue) {
  EXPECT_EQ(x("X=\"hello world\""), "hello world");
  EXPECT_EQ(x("X='it is $HOME'"), "it is $HOME");
  EXPECT_EQ(x("X=plain # a remark"), "plain");
  EXPECT_EQ(x("X=plain #"), "plain");
  EXPECT_EQ(x("X=a#b"), "a#b");
  EXPECT_EQ(x("X=\"a # b\" # a remark"), "a # b");
  EXPECT_EQ(x("X='a # b'# a remark"), "a # b");
  EXPECT_EQ(x("X='it\\'s'"), "it's");
  EXPECT_EQ(x("X='a\\n\\\\'"), "a\\n\\\\");
  EXPECT_EQ(x("X=it's \"so\""), "it's \"so\"");
  EXPECT_EQ(x("X="), "");
  EXPECT_EQ(x("X=\"\""), "");
}

TEST(Dotenv, NamesAreWrittenAsInShellsAndInYaml) {
  EXPECT_EQ(x("export X=1"), "1");
  EXPECT_EQ(x(" \texport\t X = 1 "), "1");
  EXPECT_EQ(x("X: 1"), "1");
  EXPECT_EQ(x("X:a=b"), "a=b");
  EXPECT_EQ(x("X=a:b"), "a:b");
  EXPECT_THAT(*parse("exportX=1\nexport=2\nspring.a-b=3"),
              UnorderedElementsAre(Pair("exportX", "1"), Pair("export", "2"), Pair("spring.a-b", "3")));
}

TEST(Dotenv, ANameAloneIsInherited) {
  EXPECT_THAT(*parse("HOME\nUNSET\nexport EMPTY"),
              UnorderedElementsAre(Pair("HOME", "/home/jo"), Pair("EMPTY", "")));
  EXPECT_THAT(*parse("HOME"), ElementsAre(Pair("HOME", "/home/jo")));
}

TEST(Dotenv, EscapesAreKnownInDoubleQuotesOnly) {
  EXPECT_EQ(x(R"(X="a\nb\tc\"d\\e")"), "a\nb\tc\"d\\e");
  EXPECT_EQ(x(R"(X="\$HOME $$HOME \x41 \q")"), R"($HOME $HOME \x41 \q)");
  EXPECT_EQ(x(R"(X="\0123\0351")"), "S\xC3\xA9");
  EXPECT_EQ(x(R"(X=a\nb)"), R"(a\nb)");
  EXPECT_EQ(x(R"(X="C:\\dir\\")"), R"(C:\dir\)");
}

TEST(Dotenv, VariablesAreThoseOfTheEnvironmentThenThoseOfTheFile) {
  EXPECT_EQ(x("X=$HOME/x"), "/home/jo/x");
  EXPECT_EQ(x("X=\"${HOME}s\""), "/home/jos");
  EXPECT_EQ(x("A=1\nX=$A-${A}"), "1-1");
  EXPECT_EQ(x("HOME=/tmp\nX=$HOME"), "/home/jo");
  EXPECT_EQ(x("X=$UNSET."), ".");
  EXPECT_EQ(x("X=${UNSET:-d}${EMPTY:-d}${EMPTY-d}${HOME:-d}"), "dd/home/jo");
  EXPECT_EQ(x("X=${UNSET:-a ${HOME}}"), "a /home/jo");
  EXPECT_EQ(x("X=${HOME:+set}${EMPTY:+set}${EMPTY+set}${UNSET+set}"), "setset");
  EXPECT_EQ(x("X=${HOME:?gone}"), "/home/jo");
  EXPECT_EQ(x("X=${EMPTY?gone}"), "");
  EXPECT_EQ(x("X=5$ $5 100%$"), "5$ $5 100%$");
  EXPECT_EQ(x("X=1$$2"), "1$2");
}

TEST(Dotenv, QuotedValuesMayHoldSeveralLines) {
  EXPECT_THAT(*parse("KEY=\"-----BEGIN\nabc # no remark\n-----END\"\nB='1\n2' # a remark\nC=3"),
              UnorderedElementsAre(Pair("KEY", "-----BEGIN\nabc # no remark\n-----END"), Pair("B", "1\n2"),
                                   Pair("C", "3")));
}

TEST(Dotenv, FilesOfOtherEditorsAreReadToo) {
  EXPECT_THAT(*parse("\xEF\xBB\xBF# remark\r\n\r\nA=1\r\nB=\"2\"\r\nHOME\r\n"),
              UnorderedElementsAre(Pair("A", "1"), Pair("B", "2"), Pair("HOME", "/home/jo")));
  EXPECT_THAT(*parse(""), IsEmpty());
  EXPECT_EQ(x("X=1\nX=2\n"), "2");
}

TEST(Dotenv, ErrorsNameThePlaceAndNoValue) {
  EXPECT_EQ(x("A=1\n\n=s3cret"), "error: .env:3: no variable name before the =");
  EXPECT_EQ(x("A='1\n2'\nmy key=s3cret"), "error: .env:3: the variable's name contains a space");
  EXPECT_EQ(
      x("a;b=s3cret"),
      "error: .env:1: the variable's name holds a character other than letters, digits, '_', '.' and '-'");
  EXPECT_EQ(x("A=1\nX=\"s3cret\nB=2\n"), "error: .env:2: the quote that begins the value is never closed");
  EXPECT_EQ(x("X=\"s3\"cret"), "error: .env:1: text follows the closing quote");
  EXPECT_EQ(
      x("X=s3cret${"),
      "error: .env:1: a '${' begins no substitution such as ${NAME} or ${NAME:-default}; write '$$' for a "
      "plain '$'");
  EXPECT_EQ(x("X=${5}"), x("X=${HOME!}"));
  EXPECT_EQ(x("A=1\nX=${UNSET:?set it}"), "error: .env:2: variable UNSET is not set: set it");
  EXPECT_EQ(x("X=${EMPTY:?}"), "error: .env:1: variable EMPTY is empty");
  EXPECT_EQ(x(std::string_view("A=1\nX=a\0b", 9)), "error: .env:2: holds a NUL byte");
  EXPECT_EQ(parse("=").error().kind, core::ErrorKind::usage);
}

TEST(Dotenv, NoFileGrowsWithoutBound) {
  std::string text = "A=" + std::string(1000, 'x') + "\n";
  for (char c = 'B'; c <= 'Z'; ++c)
    text += std::string(1, c) + "=$" + std::string(1, static_cast<char>(c - 1)) + "$" +
            std::string(1, static_cast<char>(c - 1)) + "\n";
  EXPECT_FALSE(parse(text));
  std::string deep = "x";
  for (int i = 0; i < 1000; ++i) deep = "${U:-" + deep + "}";
  EXPECT_EQ(x("X=" + deep), "error: .env:1: defaults are nested too deep");
}

}  // namespace
}  // namespace bgdeploy::spec
