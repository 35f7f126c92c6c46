#include <gmock/gmock.h>
#include <openssl/evp.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "bgdeploy/core/base64.hpp"
#include "bgdeploy/ssh/signer.hpp"
#include "bgdeploy/ssh/wire.hpp"

extern char** environ;

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using testing::HasSubstr;

void run_tool(const std::vector<std::string>& argv) {
  std::vector<char*> words;
  for (const auto& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  pid_t pid = 0;
  ASSERT_EQ(::posix_spawnp(&pid, words[0], nullptr, nullptr, words.data(), environ), 0) << argv[0];
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0) << argv[0];
}

struct KeyCase {
  std::string name;
  std::vector<std::string> options;  // of ssh-keygen
  std::string passphrase;
};

class PrivateKey : public testing::TestWithParam<KeyCase> {
protected:
  PrivateKey() {
    auto folder = (std::filesystem::temp_directory_path() / "bgdeploy-keys-XXXXXX").string();
    m_folder = ::mkdtemp(folder.data());
  }
  ~PrivateKey() override { std::filesystem::remove_all(m_folder); }

  std::string make_key(const KeyCase& key) {
    auto path = (m_folder / "key").string();
    std::vector<std::string> argv = {"ssh-keygen", "-q", "-C", "test", "-N", key.passphrase, "-f", path};
    argv.insert(argv.end(), key.options.begin(), key.options.end());
    run_tool(argv);
    return path;
  }

  std::filesystem::path m_folder;
};

std::optional<core::Secret> secret(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(core::Secret(text));
}

TEST_P(PrivateKey, HasThePublicHalfThatSshKeygenWrote) {
  const auto path = make_key(GetParam());
  const auto signer = load_private_key(path, secret(GetParam().passphrase));
  ASSERT_TRUE(signer) << signer.error().message;
  std::ifstream file(path + ".pub");
  std::string type, encoded;
  file >> type >> encoded;
  const auto blob = core::base64_decode(encoded);
  ASSERT_TRUE(blob);
  EXPECT_TRUE((*signer)->has_public_key(*blob));
  EXPECT_EQ(public_key_of(path), *blob);
  const auto signature = (*signer)->sign("data");
  ASSERT_TRUE(signature);
  EXPECT_FALSE(signature->empty());
}

TEST_P(PrivateKey, ThatIsLockedSaysHowToOpenIt) {
  if (GetParam().passphrase.empty()) {
    // An open key ignores the passphrase of another one.
    EXPECT_TRUE(load_private_key(make_key(GetParam()), secret("unneeded")));
    return;
  }
  const auto path = make_key(GetParam());
  const auto without = load_private_key(path, {});
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::denied);
  EXPECT_THAT(without.error().next, HasSubstr("BGDEPLOY_SSH_PASSPHRASE"));
  const auto wrong = load_private_key(path, secret("wrong-word"));
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().kind, ErrorKind::denied);
  EXPECT_THAT(wrong.error().message, testing::Not(HasSubstr("wrong-word")));
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, PrivateKey,
    testing::Values(KeyCase{"ed25519", {"-t", "ed25519"}, ""},
                    KeyCase{"ed25519_locked", {"-t", "ed25519"}, "open sesame"},
                    KeyCase{"ecdsa256", {"-t", "ecdsa", "-b", "256"}, ""},
                    KeyCase{"ecdsa384", {"-t", "ecdsa", "-b", "384"}, ""},
                    KeyCase{"ecdsa521_locked", {"-t", "ecdsa", "-b", "521"}, "open sesame"},
                    KeyCase{"rsa", {"-t", "rsa", "-b", "2048"}, ""},
                    KeyCase{"rsa_locked", {"-t", "rsa", "-b", "2048"}, "open sesame"},
                    KeyCase{"locked_gcm", {"-t", "ed25519", "-Z", "aes256-gcm@openssh.com"}, "open sesame"},
                    KeyCase{"locked_cbc", {"-t", "ed25519", "-Z", "aes128-cbc", "-a", "3"}, "open sesame"},
                    KeyCase{"pem_rsa", {"-t", "rsa", "-b", "2048", "-m", "PEM"}, ""},
                    KeyCase{"pem_rsa_locked", {"-t", "rsa", "-b", "2048", "-m", "PEM"}, "open sesame"},
                    KeyCase{"pem_ecdsa", {"-t", "ecdsa", "-b", "256", "-m", "PEM"}, ""},
                    KeyCase{"pkcs8_rsa_locked", {"-t", "rsa", "-b", "2048", "-m", "PKCS8"}, "open sesame"},
                    KeyCase{"pkcs8_ecdsa", {"-t", "ecdsa", "-b", "384", "-m", "PKCS8"}, ""}),
    [](const auto& key) { return key.param.name; });

class KeyFileTest : public PrivateKey {};

TEST_F(KeyFileTest, ThatOthersCanReadIsRefused) {
  const auto path = make_key({"", {"-t", "ed25519"}, ""});
  ::chmod(path.c_str(), 0640);
  const auto signer = load_private_key(path, {});
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().kind, ErrorKind::denied);
  EXPECT_THAT(signer.error().next, HasSubstr("chmod 600"));
}

TEST_F(KeyFileTest, ThatIsThePublicOneIsNamedAsThat) {
  const auto path = make_key({"", {"-t", "ed25519"}, ""}) + ".pub";
  ::chmod(path.c_str(), 0644);
  const auto signer = load_private_key(path, {});
  ASSERT_FALSE(signer);
  EXPECT_THAT(signer.error().message, HasSubstr("is not a private key"));
}

TEST_F(KeyFileTest, ThatIsMissingIsNotFound) {
  const auto signer = load_private_key((m_folder / "none").string(), {});
  ASSERT_FALSE(signer);
  EXPECT_EQ(signer.error().kind, ErrorKind::not_found);
}

TEST_F(KeyFileTest, ThatIsCutShortAnywhereIsRefusedWithoutHarm) {
  const auto path = make_key({"", {"-t", "rsa", "-b", "2048"}, ""});
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  const auto whole = text.str();
  for (std::size_t length = 0; length + 50 < whole.size(); length += 7) {
    const auto signer = parse_private_key(core::Secret(whole.substr(0, length)), "key", {});
    ASSERT_FALSE(signer) << length;
    EXPECT_EQ(signer.error().kind, ErrorKind::denied);
  }
}

TEST_F(KeyFileTest, IsAskedAnEd25519SignatureThatVerifies) {
  const auto path = make_key({"", {"-t", "ed25519"}, ""});
  const auto signer = load_private_key(path, {});
  ASSERT_TRUE(signer);
  const auto signature = (*signer)->sign("what is signed");
  ASSERT_TRUE(signature);
  WireReader reader((*signer)->public_blob());
  reader.string();
  const auto point = reader.string();
  ASSERT_TRUE(point);
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr,
                                  reinterpret_cast<const unsigned char*>(point->data()), point->size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  ASSERT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key.get()), 1);
  const std::string data = "what is signed";
  EXPECT_EQ(
      EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature->data()),
                       signature->size(), reinterpret_cast<const unsigned char*>(data.data()), data.size()),
      1);
}

}  // namespace
}  // namespace bgdeploy::ssh
