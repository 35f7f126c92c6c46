// Real folders: what of them is sent, under which hash, and as which tar stream.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>

#include "bgdeploy/context/archive.hpp"
#include "bgdeploy/context/files.hpp"

namespace bgdeploy::context {
namespace {

namespace fs = std::filesystem;
using core::ErrorKind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Context : public ::testing::Test {
protected:
  Context() {
    std::string folder = "/tmp/bgdeploy-context-XXXXXX";
    m_parent = mkdtemp(folder.data());
    m_root = m_parent / "app";
    fs::create_directory(m_root);
    write("Dockerfile", "FROM scratch\n");
  }
  ~Context() override { fs::remove_all(m_parent); }

  void write(const std::string& path, const std::string& text, int mode = 0644) const {
    fs::create_directories((m_root / path).parent_path());
    std::ofstream(m_root / path, std::ios::binary) << text;
    chmod((m_root / path).c_str(), static_cast<mode_t>(mode));
  }
  Result<Files> read(spec::Build build = {}) const {
    if (build.context.empty()) build.context = m_root;
    return read_files(build, Wait::for_at_most(std::chrono::seconds(60)));
  }
  std::string digest(const spec::Build& build = {}) const { return read(build).value().digest; }
  std::vector<std::string> paths(const spec::Build& build = {}) const {
    std::vector<std::string> paths;
    const Files files = read(build).value();
    for (const Entry& entry : files.entries) paths.push_back(entry.path);
    return paths;
  }
  // Unpacked by tar into a new folder.
  fs::path unpacked(const Files& files, bool classic = false) const {
    std::ofstream archive(m_parent / "context.tar", std::ios::binary);
    std::int64_t size = 0;
    const auto written = write_archive(files, classic, [&](std::string_view piece) -> Result<void> {
      archive << piece;
      size += static_cast<std::int64_t>(piece.size());
      return {};
    });
    EXPECT_TRUE(written) << written.error().message;
    EXPECT_EQ(size, archive_size(files, classic)) << "the length that was promised";
    archive.close();
    fs::remove_all(m_parent / "out");
    fs::create_directory(m_parent / "out");
    const auto command =
        "tar -xpf " + (m_parent / "context.tar").string() + " -C " + (m_parent / "out").string();
    EXPECT_EQ(std::system(command.c_str()), 0);
    return m_parent / "out";
  }

  fs::path m_parent, m_root;
};

std::string text_of(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

int mode_of(const fs::path& file) {
  struct stat found {};
  lstat(file.c_str(), &found);
  return static_cast<int>(found.st_mode & 07777);
}

// POSIX, ustar: "the checksum is six octal digits, a NUL and a space"; it counts itself as blanks.
TEST_F(Context, AHeaderEndsItsChecksumWithANulAndABlank) {
  std::string bytes;
  ASSERT_TRUE(write_archive(read().value(), false, [&](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  }));
  std::string header = bytes.substr(0, 512);
  EXPECT_EQ(header.substr(257, 8), std::string("ustar\0"
                                               "00",
                                               8));
  const auto checksum = header.substr(148, 8);
  EXPECT_EQ(checksum.substr(6), std::string("\0 ", 2));
  header.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const char byte : header) sum += static_cast<unsigned char>(byte);
  EXPECT_EQ(checksum.substr(0, 6), fmt::format("{:06o}", sum));
}

TEST_F(Context, TheDockerfileIsLastAndTheRestSorted) {
  write("z", "");
  write("src/b.c", "b");
  write("src/a.c", "a");
  EXPECT_THAT(paths(), ElementsAre("src", "src/a.c", "src/b.c", "z", "Dockerfile"));
}

TEST_F(Context, IgnoredFilesStayHereAndExceptionsBringTheirFoldersAlong) {
  write(".dockerignore", "node_modules\n*.log\n!node_modules/keep/index.js\n");
  write("node_modules/keep/index.js", "1");
  write("node_modules/keep/other.js", "2");
  write("node_modules/drop/index.js", "3");
  write("debug.log", "4");
  write("server.js", "5");
  EXPECT_THAT(paths(), ElementsAre(".dockerignore", "node_modules", "node_modules/keep",
                                   "node_modules/keep/index.js", "server.js", "Dockerfile"));
}

TEST_F(Context, TheDockerfilesOwnIgnoreFileComesFirst) {
  write("docker/Dockerfile", "FROM scratch\n");
  write("docker/Dockerfile.dockerignore", "*\n!wanted\n");
  write(".dockerignore", "wanted\n");
  write("wanted", "1");
  EXPECT_THAT(paths({.dockerfile = "docker/Dockerfile"}), ElementsAre("wanted", "docker/Dockerfile"));
}

TEST_F(Context, AnIgnoredDockerfileIsSentAndAnIgnoredIgnoreFileToTheClassicBuilderOnly) {
  write(".dockerignore", "Dockerfile\n.dockerignore\n");
  const Files files = read().value();
  ASSERT_EQ(files.entries.size(), 1U);
  EXPECT_EQ(files.entries[0].path, "Dockerfile");
  EXPECT_FALSE(fs::exists(unpacked(files, false) / ".dockerignore"));
  EXPECT_TRUE(fs::exists(unpacked(files, true) / ".dockerignore"));
}

TEST_F(Context, TheHashIsOfWhatIsSent) {
  write("a", "1");
  write("sub/b", "2");
  fs::create_symlink("a", m_root / "link");
  const std::string before = digest();
  EXPECT_THAT(before, ::testing::MatchesRegex("build:[0-9a-f]{64}"));
  EXPECT_EQ(digest(), before);

  // Neither times nor the order in which files came to be count, nor what is ignored, nor where the folder
  // is.
  fs::last_write_time(m_root / "a", fs::file_time_type::clock::now() - std::chrono::hours(100));
  fs::remove(m_root / "a");
  write("a", "1");
  EXPECT_EQ(digest(), before);
  fs::copy(m_root, m_parent / "copy", fs::copy_options::recursive | fs::copy_options::copy_symlinks);
  EXPECT_EQ(digest({.context = m_parent / "copy"}), before);

  const auto differs = [&](const char* what) { EXPECT_NE(digest(), before) << what; };
  write("a", "2");
  differs("content");
  write("a", "1", 0755);
  differs("mode");
  write("a", "1");
  chmod((m_root / "sub").c_str(), 0700);
  differs("a folder's mode");
  chmod((m_root / "sub").c_str(), 0755);
  fs::remove(m_root / "link");
  fs::create_symlink("sub/b", m_root / "link");
  differs("a link's target");
  fs::remove(m_root / "link");
  write("link", "1");
  differs("a file instead of a link");
  fs::remove(m_root / "link");
  differs("a file less");
  fs::create_symlink("a", m_root / "link");
  fs::create_directory(m_root / "empty");
  differs("an empty folder");
  fs::remove(m_root / "empty");
  fs::rename(m_root / "a", m_root / "c");
  differs("a name");
  fs::rename(m_root / "c", m_root / "a");
  write("Dockerfile", "FROM scratch\nLABEL a=b\n");
  differs("the Dockerfile");
  write("Dockerfile", "FROM scratch\n");
  ASSERT_EQ(digest(), before);

  EXPECT_NE(digest({.target = "runner"}), before);
  EXPECT_NE(digest({.args = {{"A", "b"}}}), before);
  EXPECT_NE(digest({.args = {{"A", "b"}}}), digest({.args = {{"A", "c"}}}));
  EXPECT_NE(digest({.args = {{"A", "bc"}}}), digest({.args = {{"Ab", "c"}}}));
  write("Other", "FROM scratch\n");
  EXPECT_NE(digest({.dockerfile = "Other"}), digest());
}

TEST_F(Context, TarReadsWhatIsSent) {
  const std::string deep(90, 'd'), name(200, 'n');
  write("run.sh", "#!/bin/sh\n", 0755);
  write("secret", "s", 0600);
  write("setuid", "x", 04755);
  write("empty", "");
  write(deep + "/" + deep + "/" + name, "far away");
  write("new\nline", "1");
  write("-rf *", "2");
  write("latin-\xE9", "3");
  write("한국어 이름", "4");
  write(std::string(100, 'l'), "5");
  std::string large(700'001, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 2654435761U >> 13);
  write("large", large);
  fs::create_directory(m_root / "nothing");
  fs::create_symlink("/etc/passwd", m_root / "absolute");
  fs::create_symlink(std::string(150, 't'), m_root / "long");
  fs::create_directory_symlink("..", m_root / "up");
  mkfifo((m_root / "pipe").c_str(), 0600);

  const auto out = unpacked(read().value());
  for (const std::string& path :
       {std::string("run.sh"), std::string("secret"), std::string("setuid"), std::string("empty"),
        deep + "/" + deep + "/" + name, std::string("new\nline"), std::string("-rf *"),
        std::string("latin-\xE9"), std::string("한국어 이름"), std::string(100, 'l'), std::string("large"),
        std::string("Dockerfile")}) {
    EXPECT_TRUE(fs::is_regular_file(out / path)) << path;
    EXPECT_EQ(text_of(out / path), text_of(m_root / path)) << path;
    EXPECT_EQ(mode_of(out / path), mode_of(m_root / path)) << path;
  }
  EXPECT_TRUE(fs::is_directory(out / "nothing"));
  EXPECT_EQ(fs::read_symlink(out / "absolute"), "/etc/passwd");
  EXPECT_EQ(fs::read_symlink(out / "long"), std::string(150, 't'));
  EXPECT_EQ(fs::read_symlink(out / "up"), "..");
  EXPECT_FALSE(fs::exists(fs::symlink_status(out / "pipe")));
}

TEST_F(Context, AFileThatChangesEndsTheStreamInsideOfIt) {
  const std::string before(600'000, 'x');
  write("data", before);
  const Files files = read().value();
  const auto end_of_stream = [&](const Files& seen) {
    std::string stream;
    const auto written = write_archive(seen, false, [&](std::string_view piece) -> Result<void> {
      stream += piece;
      return {};
    });
    EXPECT_FALSE(written);
    if (!written) {
      EXPECT_EQ(written.error().kind, ErrorKind::conflict) << written.error().message;
      EXPECT_THAT(written.error().message, HasSubstr("data changed"));
    }
    return stream.size();
  };
  const auto whole = static_cast<std::size_t>(512 + 600'000);
  write("data", std::string(599'999, 'x') + "y");
  EXPECT_LT(end_of_stream(files), whole) << "same size, other content";
  write("data", before + "more");
  EXPECT_LT(end_of_stream(files), whole);
  write("data", "less");
  EXPECT_LT(end_of_stream(files), whole);
  fs::remove(m_root / "data");
  EXPECT_LT(end_of_stream(files), whole);
  fs::create_symlink("/etc/passwd", m_root / "data");
  EXPECT_LT(end_of_stream(files), whole) << "a link is not followed";
}

TEST_F(Context, SaysWhatIsWrong) {
  const auto error = [&](const spec::Build& build) { return read(build).error(); };
  EXPECT_EQ(error({.context = m_root / "none"}).kind, ErrorKind::usage);
  EXPECT_THAT(error({.context = m_root / "none"}).message, HasSubstr("there is no folder"));
  EXPECT_THAT(error({.context = m_root / "Dockerfile"}).message, HasSubstr("there is no folder"));
  EXPECT_EQ(error({.dockerfile = "Dockerfil"}).kind, ErrorKind::usage);
  EXPECT_THAT(error({.dockerfile = "Dockerfil"}).message, HasSubstr("there is no file"));
  std::ofstream(m_parent / "Outside") << "FROM scratch\n";
  fs::create_symlink("../Outside", m_root / "Link");
  EXPECT_THAT(error({.dockerfile = "Link"}).message, HasSubstr("leads out of the context"));
  write(".dockerignore", "fine\n[\n");
  EXPECT_EQ(error({}).kind, ErrorKind::usage);
  EXPECT_THAT(error({}).message, HasSubstr("line 2"));
}

TEST_F(Context, ADockerfileThatIsALinkIsTheFileItMeans) {
  write("docker/Real", "FROM scratch\n");
  fs::remove(m_root / "Dockerfile");
  fs::create_symlink("docker/Real", m_root / "Dockerfile");
  const Files files = read().value();
  EXPECT_EQ(files.build.dockerfile, "docker/Real");
  EXPECT_EQ(files.entries.back().path, "docker/Real");
}

TEST_F(Context, ReadingIsInterrupted) {
  std::stop_source stop;
  stop.request_stop();
  const auto files =
      read_files({.context = m_root}, Wait::for_at_most(std::chrono::seconds(60), stop.get_token()));
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace bgdeploy::context
