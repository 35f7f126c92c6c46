// What docker leaves out of a build context. The cases are those that github.com/moby/patternmatcher is
// tested with, and what its readers of .dockerignore do.
#include <gtest/gtest.h>

#include "bgdeploy/context/ignore.hpp"

namespace bgdeploy::context {
namespace {

// As the walk asks: folder by folder.
bool ignored(const std::string& patterns, const std::string& path) {
  const auto ignore = Ignore::parse(patterns);
  if (!ignore) throw std::runtime_error(patterns + ": " + ignore.error().message);
  Ignore::Verdicts folder, own;
  for (std::size_t slash = path.find('/');; slash = path.find('/', slash + 1)) {
    const bool result = ignore->ignores(path.substr(0, slash), folder, own);
    if (slash == std::string::npos) return result;
    folder = own;
  }
}

struct Case {
  std::string patterns, path;
  bool ignored;
};

TEST(Ignore, MatchesWhatDockerMatches) {
  const std::vector<Case> cases{
      // any depth
      {"**", "file", true},
      {"**/", "file", true},
      {"**", "dir/file", true},
      {"**/", "dir/file", true},
      {"**/**", "dir/file", true},
      {"dir/**", "dir/file", true},
      {"dir/**", "dir/dir2/file", true},
      {"abc/**", "abc", false},
      {"abc/**", "abc/def", true},
      {"abc/**", "abc/def/ghi", true},
      {"**/dir", "dir", true},
      {"**/dir", "dir/file", true},
      {"**/dir2/*", "dir/dir2/file", true},
      {"**/dir2/**", "dir/dir2/dir3/file", true},
      {"**file", "file", true},
      {"**file", "dir/file", true},
      {"**file", "dir/dir/file", true},
      {"**file", "dir/myfile", true},
      {"**/file", "dir/file", true},
      {"**/file", "dir/dir/file", true},
      {"**/file", "dir/myfile", false},
      {"**/file*", "dir/dir/file", true},
      {"**/file*", "dir/dir/file.txt", true},
      {"**/file*txt", "dir/dir/file.txt", true},
      {"**/file*.txt", "dir/dir/file.txt", true},
      {"**/file*.txt*", "dir/dir/file.txt", true},
      {"**/**/*.txt", "dir/dir/file.txt", true},
      {"**/**/*.txt2", "dir/dir/file.txt", false},
      {"**/*.txt", "file.txt", true},
      {"**/**/*.txt", "file.txt", true},
      {"a**/*.txt", "a/file.txt", true},
      {"a**/*.txt", "a/dir/file.txt", true},
      {"a**/*.txt", "a/dir/dir/file.txt", true},
      {"a/*.txt", "a/dir/file.txt", false},
      {"a/*.txt", "a/file.txt", true},
      {"a/*.txt**", "a/file.txt", true},
      {"**/foo/bar", "foo/bar", true},
      {"**/foo/bar", "dir/foo/bar", true},
      {"**/foo/bar", "dir/dir2/foo/bar", true},
      {"**/.foo", ".foo", true},
      {"**/.foo", "bar.foo", false},
      // characters
      {"*", "fileutils.go", true},
      {"*.go", "fileutils.go", true},
      {".*", ".foo", true},
      {".*", "foo", false},
      {"abc.def", "abcdef", false},
      {"abc.def", "abc.def", true},
      {"abc.def", "abcZdef", false},
      {"abc?def", "abcZdef", true},
      {"abc?def", "abcdef", false},
      {"a\\\\", "a\\", true},
      {"a\\*b", "a*b", true},
      {"a\\*b", "ab", false},
      {"a(b)c/def", "a(b)c/def", true},
      {"a(b)c/def", "a(b)c/xyz", false},
      {"a.|)$(}+{bc", "a.|)$(}+{bc", true},
      {"dist/lib-2.4.0rc3+g08-py3.whl", "dist/lib-2.4.0rc3+g08-py3.whl", true},
      {"dist/*.whl", "dist/lib-2.4.0rc3+g08-py3.whl", true},
      {"abc", "abc", true},
      {"*c", "abc", true},
      {"a*", "a", true},
      {"a*", "abc", true},
      {"a*", "ab/c", true},
      {"a*/b", "abc/b", true},
      {"a*/b", "a/c/b", false},
      {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
      {"a*b*c*d*e*/f", "axbxcxdxexxx/f", true},
      {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false},
      {"a*b*c*d*e*/f", "axbxcxdxexxx/fff", false},
      {"a*b?c*x", "abxbbxdbxebxczzx", true},
      {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"a?b", "a☺b", true},
      {"a???b", "a☺b", false},
      {"a?b", "a/b", false},
      {"a*b", "a/b", false},
      {"*x", "xxx", true},
      // classes
      {"a[b-d]e", "ae", false},
      {"a[b-d]e", "ace", true},
      {"a[b-d]e", "aae", false},
      {"a[^b-d]e", "aze", true},
      {"ab[c]", "abc", true},
      {"ab[b-d]", "abc", true},
      {"ab[e-g]", "abc", false},
      {"ab[^c]", "abc", false},
      {"ab[^b-d]", "abc", false},
      {"ab[^e-g]", "abc", true},
      {"a[^a]b", "a☺b", true},
      {"a[^a][^a][^a]b", "a☺b", false},
      {"[a-ζ]*", "α", true},
      {"*[a-ζ]", "A", false},
      {"[\\]a]", "]", true},
      {"[\\-]", "-", true},
      {"[x\\-]", "x", true},
      {"[x\\-]", "-", true},
      {"[x\\-]", "z", false},
      {"[\\-x]", "x", true},
      {"[\\-x]", "-", true},
      {"[\\-x]", "a", false},
      // exceptions: the last pattern that applies wins
      {"*.go\n!fileutils.go", "fileutils.go", false},
      {"!fileutils.go\n*.go", "fileutils.go", true},
      {"docs\n!docs/README.md", "docs/README.md", false},
      {"docs/\n!docs/README.md", "docs/README.md", false},
      {"docs/*\n!docs/README.md", "docs/README.md", false},
      {"docs\n!docs/README.md", "docs/guide.md", true},
      {"**\n!util/docker/web", "util/docker/web/foo", false},
      {"**\n!util/docker/web\nutil/docker/web/foo", "util/docker/web/foo", true},
      {"**\n!dist/lib+g08.whl", "dist/lib+g08.whl", false},
      {"**\n!dist/*.whl", "dist/lib+g08.whl", false},
      {"*\n!**/*.go", "cmd/main.go", false},
      {"*\n!**/*.go", "cmd/README.md", true},
      // nothing
      {"", "any/path", false},
  };
  for (const Case& one : cases)
    EXPECT_EQ(ignored(one.patterns, one.path), one.ignored) << one.patterns << " against " << one.path;
}

TEST(Ignore, ReadsLinesAsDockerDoes) {
  const std::string file =
      "\xEF\xBB\xBFtest1\r\n/test2\n/a/file/here\n\n  lastfile \n# no/pattern\n #kept\n! "
      "/inverted/abs/path\n./x/../y//z/\n";
  for (const char* path : {"test1", "test2", "a/file/here", "lastfile", "#kept", "y/z", "y/z/below"})
    EXPECT_TRUE(ignored(file, path)) << path;
  for (const char* path : {"a/file", "no/pattern", "# no/pattern", "x", "y"})
    EXPECT_FALSE(ignored(file, path)) << path;
  EXPECT_FALSE(ignored("inverted\n! /inverted/abs/path", "inverted/abs/path"));
  EXPECT_TRUE(ignored("inverted\n! /inverted/abs/path", "inverted/abs/other"));
  // Nothing outside, and never the context itself.
  EXPECT_FALSE(ignored("..\n.\n/\n../secret", "secret"));
}

TEST(Ignore, RefusesWhatIsNoPattern) {
  for (const char* pattern : {"!", "! ", "[]a]", "[-]", "[x-]", "[-x]", "\\", "[a-b-c]", "[", "[^", "[^bc",
                              "a[", "[Local-Only]/"}) {
    const auto ignore = Ignore::parse(std::string("fine\n") + pattern + "\n");
    ASSERT_FALSE(ignore) << pattern;
    EXPECT_EQ(ignore.error().kind, core::ErrorKind::usage);
    EXPECT_TRUE(ignore.error().message.starts_with("line 2: ")) << ignore.error().message;
  }
}

TEST(Ignore, BytesThatAreNoTextAreCharactersTooAndNoPatternIsSlow) {
  EXPECT_TRUE(ignored("a?b",
                      "a\xFF"
                      "b"));
  EXPECT_TRUE(ignored("a\xFF*", "a\xFF.txt"));
  std::string pattern, path(4000, 'a');
  for (int i = 0; i < 200; ++i) pattern += "*a";
  EXPECT_FALSE(ignored(pattern + "b", path));
}

TEST(Ignore, AnExceptionReachesIntoAnIgnoredFolder) {
  const auto reaches = [](const std::string& patterns, const char* folder) {
    return Ignore::parse(patterns)->excepts_below(folder);
  };
  EXPECT_FALSE(reaches("node_modules", "node_modules"));
  EXPECT_FALSE(reaches("node_modules\n!src/keep", "node_modules"));
  EXPECT_TRUE(reaches("node_modules\n!node_modules/left-pad/index.js", "node_modules"));
  EXPECT_TRUE(reaches("node_modules\n!node_modules/left-pad/index.js", "node_modules/left-pad"));
  EXPECT_FALSE(reaches("node_modules\n!node_modules/left-pad/index.js", "node_modules/right-pad"));
  EXPECT_TRUE(reaches("*\n!**/*.go", "cmd"));
  EXPECT_TRUE(reaches("*\n!src/**", "src"));
  EXPECT_FALSE(reaches("*\n!src/**", "doc"));
}

}  // namespace
}  // namespace bgdeploy::context
