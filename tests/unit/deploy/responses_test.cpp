// What nginx logged: the lines, and the real script on this machine.
#include "deploy/watch/responses.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "deploy/watch/read_log.hpp"

namespace bgdeploy::deploy {
namespace {

namespace fs = std::filesystem;

std::string combined(int status) {
  return "203.0.113.7 - jo [28/Nov/2026:15:03:49 +0000] \"GET /a?b=\\x22c HTTP/1.1\" " +
         std::to_string(status) + " 612 \"-\" \"curl/8 \\x22 500 \"\n";
}

TEST(LineReader, ReadsTheThreeFormats) {
  EXPECT_EQ(line_reader("combined")(combined(503)), Logged{503});
  EXPECT_EQ(line_reader("combined")(R"(- - - [-] "" 400 0 "-" "-")"), Logged{400});
  EXPECT_EQ(line_reader("json")(R"({"uri":"/","status":"502","bytes":3})"), Logged{502});
  EXPECT_EQ(line_reader("json")(R"({"status": 200})"), Logged{200});
  EXPECT_EQ(line_reader(R"(^\S+ (?<host>\S+) (?<status>\d{3}) )")("1.2.3.4 shop 404 /x"), Logged{404});
  EXPECT_EQ(line_reader(R"(status=([0-9]+))")("time=1 status=204"), Logged{204});
}

TEST(LineReader, KnowsBgdeploysOwnRequestsByTheirUserAgent) {
  const std::string begin = R"(10.0.0.1 - - [-] "GET /health HTTP/1.1" 200 4 "-" )";
  EXPECT_EQ(line_reader("combined")(begin + R"("bgdeploy")"), (Logged{200, true}));
  EXPECT_EQ(line_reader("combined")(begin + R"("bgdeploy/1.2" "203.0.113.7")"), (Logged{200, true}));
  EXPECT_EQ(line_reader("combined")(begin + R"("curl \x22bgdeploy")"), Logged{200});
  EXPECT_EQ(line_reader("combined")(R"(- - - [-] "GET / HTTP/1.1" 200 4 "bgdeploy" "curl")"), Logged{200});
  EXPECT_EQ(line_reader("combined")(R"(- - - [-] "GET / HTTP/1.1" 200 4)"), Logged{200});
  for (const char* name : {"http_user_agent", "userAgent", "agent"})
    EXPECT_EQ(line_reader("json")(R"({"status":200,")" + std::string(name) + R"(":"bgdeploy"})"),
              (Logged{200, true}))
        << name;
  EXPECT_EQ(line_reader("json")(R"({"status":200,"host":"bgdeploy.example.com","user_agent":"curl"})"),
            Logged{200});
  EXPECT_EQ(line_reader("json")(R"({"status":200,"agent":3})"), Logged{200});
  const auto regex = line_reader(R"(^(?<status>\d+) (?<agent>\S+))");
  EXPECT_EQ(regex("200 bgdeploy"), (Logged{200, true}));
  EXPECT_EQ(regex("200 curl"), Logged{200});
}

TEST(LineReader, TakesNothingFromWhatIsSomethingElse) {
  for (const char* line : {"", "\"", "\"GET / HTTP/1.1\"", "\"GET /\" abc", "\"GET /\" 99999999999 1",
                           "GET / 200", "\xff\xfe\"x\" -1 "})
    EXPECT_EQ(line_reader("combined")(line), std::nullopt) << line;
  for (const char* line : {"", "[]", "{}", R"({"status":null})", R"({"status":2.5})", R"({"status":"x"})",
                           R"({"status":18446744073709551615})", R"({"status":-5})", "{\"status\":"})
    EXPECT_EQ(line_reader("json")(line), std::nullopt) << line;
}

TEST(ResponsesSeen, JudgesOnlyOnceEnoughWereSeen) {
  Responses responses({.log = "/a", .ratio = 0.1, .requests = 10});
  for (int i = 0; i < 9; ++i) responses.add(combined(200));
  EXPECT_EQ(responses.sight().good, std::nullopt);
  EXPECT_EQ(responses.sight().answer, "9 of 10 responses were seen");
  responses.add(combined(500));
  EXPECT_EQ(responses.sight().good, true) << "as much as the ratio is still good";
  EXPECT_EQ(responses.sight().answer, "1 of 10 responses were bad (10%)");
  responses.add(combined(599));
  EXPECT_EQ(responses.sight().good, false);
  EXPECT_EQ(responses.sight().answer, "2 of 11 responses were bad (18.2%)");
}

TEST(ResponsesSeen, OwnRequestsDoNotCount) {
  Responses responses({.log = "/a", .ratio = 0.5, .requests = 1});
  for (int i = 0; i < 9; ++i) responses.add("- - - [-] \"GET / HTTP/1.1\" 200 4 \"-\" \"bgdeploy\"\n");
  EXPECT_EQ(responses.sight().answer, "0 of 1 responses were seen");
  responses.add(combined(502));
  EXPECT_EQ(responses.sight().answer, "1 of 1 responses were bad (100%)");
}

TEST(ResponsesSeen, ALineMayBeCutAnywhere) {
  Responses responses({.log = "/a", .ratio = 0, .requests = 2});
  const std::string text = combined(200) + combined(404);
  for (const char c : text) responses.add(std::string_view(&c, 1));
  EXPECT_EQ(responses.sight().answer, "0 of 2 responses were bad (0%)");
}

TEST(ResponsesSeen, SaysThatTheFormatIsAnother) {
  Responses responses({.log = "/a", .requests = 2, .format = "json"});
  responses.add(combined(200) + combined(200));
  EXPECT_EQ(responses.sight().good, std::nullopt);
  EXPECT_EQ(responses.sight().answer, "2 of 2 lines are not in the format json");
  responses.add(std::string(10'000'000, 'x'));
  EXPECT_EQ(responses.sight().answer, "2 of 2 lines are not in the format json");
}

class ReadLogTest : public testing::Test {
protected:
  ReadLogTest() {
    std::string pattern = fs::temp_directory_path() / "bgdeploy-log-XXXXXX";
    m_folder = ::mkdtemp(pattern.data());
    m_log = m_folder / "shop's access.log";
    auto connected = host::connect({.name = "local", .local = true}, core::Wait::for_at_most(k_soon));
    m_host = std::move(*connected);
  }
  ~ReadLogTest() override { fs::remove_all(m_folder); }

  void append(const std::string& text) const { std::ofstream(m_log, std::ios::app) << text; }
  std::string read() {
    const auto piece = read_log(*m_host, m_log, m_place, core::Wait::for_at_most(k_soon));
    return piece ? *piece : "error: " + piece.error().message;
  }

  static constexpr core::Duration k_soon = std::chrono::seconds(20);
  fs::path m_folder, m_log;
  std::unique_ptr<host::Host> m_host;
  LogPlace m_place;
};

TEST_F(ReadLogTest, BeginsAtTheEndAndGoesOn) {
  append("before\n");
  EXPECT_EQ(read(), "");
  EXPECT_EQ(read(), "");
  append("one\ntw");
  EXPECT_EQ(read(), "one\ntw");
  append("o\n");
  EXPECT_EQ(read(), "o\n");
}

TEST_F(ReadLogTest, ARotatedLogIsReadToItsEndFirst) {
  append("before\n");
  read();
  append("last of the old\n");
  fs::rename(m_log, m_log.string() + ".1");
  EXPECT_EQ(read(), "") << "for a moment there is none";
  append("first of the new\n");
  EXPECT_EQ(read(), "last of the old\nfirst of the new\n");
  append("second\n");
  EXPECT_EQ(read(), "second\n");
}

TEST_F(ReadLogTest, ARotatedLogMayBearADate) {
  append("before\n");
  read();
  append("last\n");
  fs::rename(m_log, m_log.string() + "-20261128");
  append("first\n");
  EXPECT_EQ(read(), "last\nfirst\n");
}

TEST_F(ReadLogTest, ALogThatWasCutIsReadFromItsBeginning) {
  append("a long line from before\n");
  read();
  std::ofstream(m_log, std::ios::trunc) << "new\n";
  EXPECT_EQ(read(), "new\n");
}

TEST_F(ReadLogTest, OfVeryMuchOnlyTheEnd) {
  append("before\n");
  read();
  append(std::string(5'000'000, 'x') + "\nlast\n");
  const auto piece = read();
  EXPECT_EQ(piece.size(), std::size_t{4} << 20);
  EXPECT_TRUE(piece.ends_with("x\nlast\n"));
  EXPECT_EQ(read(), "");
}

TEST_F(ReadLogTest, SaysWhyItCannotBeRead) {
  EXPECT_EQ(read(), "error: local: " + m_log.string() + " cannot be read: it does not exist");
  fs::create_directory(m_log);
  EXPECT_EQ(read(), "error: local: " + m_log.string() + " cannot be read: it is not a regular file");
}

}  // namespace
}  // namespace bgdeploy::deploy
