#include "bgdeploy/deploy/compose_files.hpp"

#include <gmock/gmock.h>
#include <stdlib.h>

#include <fstream>

#include "../plan/spec_for_tests.hpp"

namespace bgdeploy::deploy {
namespace {

using core::ErrorKind;
using testing::HasSubstr;

class ComposeFiles : public testing::Test {
protected:
  ComposeFiles() {
    std::string folder = "/tmp/bgdeploy-compose-XXXXXX";
    m_folder = mkdtemp(folder.data());
    m_spec.compose.emplace();
    m_spec.compose->project = "p-{slot}";
    m_spec.compose->file = m_folder + "/{slot}-{port}.yml";
  }
  ~ComposeFiles() override { std::filesystem::remove_all(m_folder); }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(m_folder + "/" + name, std::ios::binary) << text;
  }
  std::string m_folder;
  spec::Spec m_spec = test::small_spec();
};

TEST_F(ComposeFiles, ReadsOneForEachSlot) {
  write("blue-8081.yml", "services: {a: }\n");
  write("green-8082.yml", "services: {b: 'ü'}\n");
  const auto read = read_compose_files(m_spec);
  ASSERT_TRUE(read && *read);
  EXPECT_EQ((*read)->files[0], "services: {a: }\n");
  EXPECT_EQ((*read)->files[1], "services: {b: 'ü'}\n");
  EXPECT_EQ((*read)->settings, *m_spec.compose);
  EXPECT_EQ(parse_compose_record(compose_record(**read)), **read);
}

TEST_F(ComposeFiles, ReadsNothingThatIsOnTheHost) {
  m_spec.compose->file.clear();
  m_spec.compose->remote_file = "/srv/compose.yml";
  EXPECT_EQ((*read_compose_files(m_spec))->files[0], "");
  m_spec.compose.reset();
  EXPECT_EQ(*read_compose_files(m_spec), std::nullopt);
}

TEST_F(ComposeFiles, TellsWhichCannotBeRead) {
  write("blue-8081.yml", "services: {}\n");
  auto read = read_compose_files(m_spec);
  EXPECT_EQ(read.error().kind, ErrorKind::usage);
  EXPECT_EQ(read.error().message,
            "compose.file " + m_folder + "/green-8082.yml cannot be read: No such file or directory");
  write("green-8082.yml", "\xff");
  EXPECT_THAT(read_compose_files(m_spec).error().message, HasSubstr("is no UTF-8 text"));
  write("green-8082.yml", std::string((256 << 10) + 1, '#'));
  EXPECT_THAT(read_compose_files(m_spec).error().message, HasSubstr("at most 256 kB"));
}

TEST(ComposeRecord, RefusesWhatIsNone) {
  for (const char* text :
       {"", "[]", "{}", R"({"settings":"{}"})", R"({"settings":"{}","files":["",""],"named":[1,2]})",
        R"({"settings":"x","files":["",""],"named":[true,true]})"})
    EXPECT_FALSE(parse_compose_record(text)) << text;
}

}  // namespace
}  // namespace bgdeploy::deploy
