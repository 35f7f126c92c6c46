// Files made to hurt: each must end in a clear error, soon and in little memory.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "loading.hpp"

namespace bgdeploy::spec {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool k_sanitized = true;
#else
constexpr bool k_sanitized = false;
#endif

struct Cost {
  std::string message;
  std::chrono::microseconds time{};  // of the processor: how long it takes is also up to what else runs
  long kilobytes = 0;
};

std::chrono::microseconds duration(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

// Loads in a child, so that its time and its peak memory are its own.
Cost cost_of(const std::string& text) {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  if (child == 0) {
    const std::string report = report_of(text).substr(0, 4000);
    _exit(write(ends[1], report.data(), report.size()) == static_cast<ssize_t>(report.size()) ? 0 : 1);
  }
  close(ends[1]);
  Cost cost;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(ends[0], buffer, sizeof buffer)) > 0;) cost.message.append(buffer, n);
  close(ends[0]);
  int status = 0;
  rusage usage{};
  EXPECT_EQ(wait4(child, &status, 0, &usage), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << "status " << status;
  cost.time = duration(usage.ru_utime) + duration(usage.ru_stime);
  cost.kilobytes = usage.ru_maxrss;
  return cost;
}

std::string repeat(const std::string& piece, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += piece;
  return text;
}

std::string laughs() {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 20; ++i) {
    const std::string alias = "*a" + std::to_string(i - 1);
    text +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + alias + repeat(", " + alias, 9) + "]\n";
  }
  return text;
}

struct File {
  const char* name;
  std::string text;
  std::string message;
};
void PrintTo(const File& file, std::ostream* out) {
  *out << file.name;
}

class Hostile : public testing::TestWithParam<File> {};

TEST_P(Hostile, EndsSoonInLittleMemoryWithAClearError) {
  const auto& [name, text, message] = GetParam();
  const Cost cost = cost_of(text);
  EXPECT_NE(cost.message.find(message), std::string::npos) << name << ": " << cost.message;
  EXPECT_LT(cost.time, std::chrono::seconds(k_sanitized ? 20 : 1)) << name;
  if (!k_sanitized) {
    EXPECT_LT(cost.kilobytes, 100'000) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, Hostile,
    testing::Values(
        File{"billion laughs", laughs(), "more than 20000 values up to here, with aliases counted in full"},
        File{"alias of itself", minimal("docker: &a {labels: *a}\n"),
             "7:21: the alias stands inside what it refers to"},
        File{"ten megabytes", std::string(10'000'000, 'x'), "at most 256 kB are read"},
        File{"many brackets", "a: " + std::string(250'000, '['), "1:5: "},
        File{"many braces", "a: " + repeat("{a: ", 60'000), "values are nested deeper than 32"},
        File{"many dashes", repeat("- ", 120'000), "values are nested deeper than 32"},
        File{"brackets on lines", "a:\n" + repeat(" [\n", 80'000), "2:2: "},
        File{"many keys", repeat("a:\n", 80'000), "is there twice"},
        File{"many anchors", "a: [" + repeat("&a x,", 50'000) + "]", "more than 20000 values"},
        File{"many unknown keys",
             [] {
               std::string text;
               for (int i = 0; i < 9'000; ++i) text += "service" + std::to_string(i) + ": 1\n";
               return text;
             }(),
             "unknown key 'service0', did you mean 'service'?"},
        File{"nested defaults",
             minimal("docker: {user: \"" + repeat("${A:-", 30'000) + repeat("}", 30'000) + "\"}\n"),
             "7:16: defaults are nested too deep"},
        File{"open variables", minimal("docker: {user: \"" + repeat("${", 100'000) + "\"}\n"),
             "7:16: '${' has no '}'"},
        File{"NUL byte", minimal(std::string("docker: {user: a\0b}\n", 20)), "7:17: there is a NUL byte"},
        File{"escaped NUL", minimal("docker: {user: \"a\\0b\"}\n"), "7:16: the value holds a NUL byte"},
        File{"tab", minimal("docker:\n\tuser: x\n"), "indent with spaces, not with tabs"},
        File{"not UTF-8", minimal("docker: {user: \xFF}\n"), "7:16: this is not UTF-8"},
        File{"UTF-16", std::string("\xFF\xFEs\0e\0r\0", 8), "1:1: this is not UTF-8"},
        File{"duplicate key", minimal("service: other\n"), "7:1: key 'service' is there twice"},
        File{"two documents", minimal("---\n" + minimal()),
             "7:1: there is a second document; one file holds one"},
        File{"a list", std::string("- a\n"), "1:1: the spec must be a map of keys and values"},
        File{"a word", std::string("hello\n"), "1:1: the spec must be a map of keys and values"},
        File{"empty", std::string(), "the file is empty"},
        File{"comments only", std::string("# nothing\n"), "the file is empty"},
        File{"null", std::string("~\n"), "the file is empty"},
        File{"key of a list", minimal("[a]: b\n"), "a key must be plain text"},
        File{"null key", minimal("? \n: b\n"), "a key must be plain text"},
        File{"own tag", minimal("docker: {user: !ruby/object x}\n"),
             "7:16: custom YAML tags are not supported"},
        File{"merge of a word", minimal("docker: {<<: x}\n"), "'<<' takes a map, or a list of maps"},
        File{"open quote", minimal("docker: {user: \"x\n"), "the quote that opens here is never closed"},
        File{"key in braces", minimal("docker: {? [a] : b}\n"), "a key must be plain text"}));

TEST(HostileVariables, CannotGrowTheSpecWithoutBound) {
  const Variables variables{{"X", std::string(100'000, 'x')}};
  EXPECT_EQ(messages_of(minimal("docker: {user: \"" + repeat("${X}", 10'000) + "\"}\n"), variables),
            "7:16: the spec grows beyond 4 MB");
}

std::string reference() {
  std::ifstream file(std::string(BGDEPLOY_SOURCE_DIR) + "/docs/spec.md");
  std::ostringstream text;
  text << file.rdbuf();
  const std::size_t begin = text.str().find("```yaml\n") + 8;
  return text.str().substr(begin, text.str().find("```", begin) - begin);
}

// The reference with a few random edits is either refused with a place, or loads; then it loads again as the
// same spec from what `config` prints.
RC_GTEST_PROP(Mutated, LoadsBackOrIsReported, ()) {
  static const std::string original = reference();
  const Variables variables{{"HOME", "/home/jo"}};
  std::string text = original;
  const int edits = *rc::gen::inRange(1, 4);
  for (int i = 0; i < edits; ++i) {
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    const auto piece =
        *rc::gen::element<std::string>("", "[", "]", "{", "}", ":", "\n", "  ", "- ", "&a ", "*a", "!", "|",
                                       "'", "\"", "\\", "#", "${", "$", "~", "\t", "\xC3", ",", "-1");
    text.replace(at, *rc::gen::inRange<std::size_t>(0, 6), piece);
  }
  const auto spec = load_text(text, variables);
  if (!spec) {
    RC_ASSERT(!spec.error().details.empty());
    return;
  }
  const auto again = load_text(render(*spec, false));
  RC_ASSERT(again.has_value());
  RC_ASSERT(*again == *spec);
}

}  // namespace
}  // namespace bgdeploy::spec
