// Layers as a registry tells them, over a socket that leads to a made-up one.
#include "bgdeploy/engine/registry.hpp"

#include <gmock/gmock.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "../host/idle_host.hpp"
#include "bgdeploy/core/sha256.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;

TEST(RegistryWords, TellWhyTheDaemonFailed) {
  const auto kind = [](std::string_view words) { return kind_of_registry_words(words, ErrorKind::refused); };
  EXPECT_EQ(kind("docker: Head \"https://r.example.com/v2/a/manifests/1\": no basic auth credentials"),
            ErrorKind::denied);
  EXPECT_EQ(
      kind("docker: Get \"http://127.0.0.1:5009/v2/\": dial tcp 127.0.0.1:5009: connect: connection refused"),
      ErrorKind::unreachable);
  EXPECT_EQ(kind("docker: Get \"https://r.nowhere/v2/\": dial tcp: lookup r.nowhere: no such host"),
            ErrorKind::unreachable);
  EXPECT_EQ(kind("docker: Get \"https://r/v2/\": x509: certificate signed by unknown authority"),
            ErrorKind::untrusted);
  EXPECT_EQ(kind("docker: Get \"https://r/v2/\": http: server gave HTTP response to HTTPS client"),
            ErrorKind::untrusted);
  EXPECT_EQ(kind("docker: no space left on device"), ErrorKind::refused);
  // Of an answer with a status of its own the words count for nothing.
  EXPECT_EQ(kind_of_registry_words("dial tcp", ErrorKind::not_found), ErrorKind::not_found);
}

TEST(RegistryWords, NameTheRegistry) {
  EXPECT_EQ(registry_name("shop/web"), "docker.io");
  EXPECT_EQ(registry_name("redis"), "docker.io");
  EXPECT_EQ(registry_name("localhost/web"), "localhost");
  EXPECT_EQ(registry_name("r.example.com:5000/shop/web"), "r.example.com:5000");
}

// Answers "GET PATH" by a table, and keeps what was asked with which Authorization.
class MadeUpRegistry {
public:
  explicit MadeUpRegistry(std::map<std::string, std::string> answers) : m_answers(std::move(answers)) {
    std::string folder = std::filesystem::temp_directory_path() / "registry-XXXXXX";
    m_folder = ::mkdtemp(folder.data());
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path().native().copy(address.sun_path, sizeof address.sun_path - 1);
    m_listener = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_EQ(::bind(m_listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(m_listener, 8), 0);
    m_thread = std::thread([this] { serve(); });
  }
  ~MadeUpRegistry() {
    ::shutdown(m_listener, SHUT_RDWR);
    m_thread.join();
    ::close(m_listener);
    std::filesystem::remove_all(m_folder);
  }
  std::filesystem::path path() const { return m_folder / "s"; }
  std::vector<std::string> asked() const {
    const std::scoped_lock lock(m_mutex);
    return m_asked;
  }
  int connections() const {
    const std::scoped_lock lock(m_mutex);
    return m_connections;
  }

private:
  void serve() {
    for (int fd = 0; (fd = ::accept4(m_listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0; ::close(fd))
      answer(fd);
  }
  void answer(int fd) {
    {
      const std::scoped_lock lock(m_mutex);
      ++m_connections;
    }
    std::string text;
    char data[4096];
    for (ssize_t got = 0; text.find("\r\n\r\n") == std::string::npos;) {
      if ((got = ::recv(fd, data, sizeof data, 0)) <= 0) return;  // TLS is tried first, and ends here
      text.append(data, static_cast<std::size_t>(got));
      if (!text.starts_with("GET ")) return;
    }
    const std::string target = text.substr(4, text.find(' ', 4) - 4);
    const auto at = text.find("Authorization: ");
    const std::string login =
        at == std::string::npos ? "" : text.substr(at + 15, text.find('\r', at) - at - 15);
    const auto found = m_answers.find(login.empty() ? target : login + " " + target);
    {
      const std::scoped_lock lock(m_mutex);
      m_asked.push_back(login.empty() ? target : login + " " + target);
    }
    const std::string body = found == m_answers.end() ? "" : found->second;
    const std::string reply =
        body.starts_with("HTTP/") ? body
        : found == m_answers.end()
            ? std::string("HTTP/1.1 404 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            : "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                  "\r\n\r\n" + body;
    (void)!::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL);
  }

  const std::map<std::string, std::string> m_answers;
  std::filesystem::path m_folder;
  int m_listener = -1;
  mutable std::mutex m_mutex;
  std::vector<std::string> m_asked;
  int m_connections = 0;
  std::thread m_thread;
};

// Whatever is to be reached from it is the made-up registry.
class RegistrysHost final : public host::IdleHost {
public:
  explicit RegistrysHost(std::filesystem::path socket) : m_socket(std::move(socket)) {}
  core::Result<std::filesystem::path> socket_to(const host::Endpoint&) override { return m_socket; }

private:
  const std::filesystem::path m_socket;
};

constexpr const char* k_manifest =
    R"({"config":{"digest":"sha256:c"},"layers":[{"size":100,"digest":"x"},{"size":20,"digest":"y"}]})";
constexpr const char* k_config = R"({"rootfs":{"diff_ids":["sha256:1","sha256:2"]}})";

core::Result<std::vector<RegistryLayer>> ask(const MadeUpRegistry& registry,
                                             const std::optional<RegistryAuth>& auth = {},
                                             const std::string& repository = "127.0.0.1:5000/shop/web",
                                             const Info& engine = {"/var/lib/docker", "linux", "amd64"}) {
  RegistrysHost host(registry.path());
  return registry_layers(host, engine, repository, "sha256:m", auth,
                         core::Wait::for_at_most(std::chrono::seconds(20)));
}

TEST(Registry, TellsTheLayersOfAnImage) {
  const MadeUpRegistry registry(
      {{"/v2/shop/web/manifests/sha256:m", k_manifest}, {"/v2/shop/web/blobs/sha256:c", k_config}});
  const auto layers = ask(registry);
  ASSERT_TRUE(layers) << layers.error().message;
  ASSERT_EQ(layers->size(), 2U);
  EXPECT_EQ((*layers)[0].content, "sha256:1");
  EXPECT_EQ((*layers)[0].bytes, 100);
  EXPECT_EQ((*layers)[1].bytes, 20);
  EXPECT_EQ(registry.connections(), 3) << "TLS is tried once, not for each of the two";
}

core::Result<RegistryImage> find(const MadeUpRegistry& registry, const std::string& tag_or_digest,
                                 const Info& engine = {"/", "linux", "amd64"},
                                 const std::string& repository = "127.0.0.1:5000/shop/web") {
  RegistrysHost host(registry.path());
  return registry_image(host, engine, repository, tag_or_digest, {},
                        core::Wait::for_at_most(std::chrono::seconds(20)));
}

std::string digest_of(std::string_view text) {
  core::Sha256 digest;
  digest.add(text);
  return "sha256:" + digest.hex();
}

TEST(Registry, TellsDigestAndSizeOfATagByTheManifestAlone) {
  const MadeUpRegistry registry(
      std::map<std::string, std::string>{{"/v2/shop/web/manifests/1.0", k_manifest}});
  const auto image = find(registry, "1.0");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->bytes, 120);
  EXPECT_EQ(image->digest, digest_of(k_manifest));
  EXPECT_EQ(registry.asked().size(), 1U);
  const auto missing = find(registry, "2.0");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().kind, ErrorKind::not_found);
}

TEST(Registry, TheDigestOfSeveralPlatformsIsThatOfAllOfThem) {
  const std::string index =
      R"({"manifests":[{"digest":"sha256:own","platform":{"os":"linux","architecture":"amd64"}}]})";
  const MadeUpRegistry registry(
      {{"/v2/shop/web/manifests/1.0", index}, {"/v2/shop/web/manifests/sha256:own", k_manifest}});
  const auto image = find(registry, "1.0");
  ASSERT_TRUE(image) << image.error().message;
  EXPECT_EQ(image->bytes, 120);
  EXPECT_EQ(image->digest, digest_of(index));
}

// Under a tag a mirror may have another image than Docker Hub.
TEST(Registry, IsNotAskedForTheTagThatAMirrorHas) {
  const MadeUpRegistry registry(std::map<std::string, std::string>{});
  Info engine{"/", "linux", "amd64"};
  engine.mirrors = true;
  const auto image = find(registry, "1.0", engine, "shop/web");
  ASSERT_FALSE(image);
  EXPECT_EQ(image.error().message, "docker asks a mirror");
  EXPECT_EQ(registry.connections(), 0);
}

TEST(Registry, OfSeveralPlatformsTheEnginesCounts) {
  const MadeUpRegistry registry(
      {{"/v2/shop/web/manifests/sha256:m",
        R"({"manifests":[{"digest":"sha256:arm","platform":{"os":"linux","architecture":"arm64"}},
            {"digest":"sha256:own","platform":{"os":"linux","architecture":"amd64"}}]})"},
       {"/v2/shop/web/manifests/sha256:own", k_manifest},
       {"/v2/shop/web/blobs/sha256:c", k_config}});
  EXPECT_TRUE(ask(registry));
  const auto none = ask(registry, {}, "127.0.0.1:5000/shop/web", {"/", "linux", "riscv64"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::not_found);
}

TEST(Registry, IsLoggedInToWithThePasswordOnlyWhereThatIsWanted) {
  const std::string wants =
      "HTTP/1.1 401 X\r\nWWW-Authenticate: Basic realm=\"r\"\r\nContent-Length: 0\r\n"
      "Connection: close\r\n\r\n";
  const std::string basic = "Basic Y2k6c2VjcmV0 ";  // ci:secret
  const MadeUpRegistry registry({{"/v2/shop/web/manifests/sha256:m", wants},
                                 {basic + "/v2/shop/web/manifests/sha256:m", k_manifest},
                                 {basic + "/v2/shop/web/blobs/sha256:c", k_config}});
  EXPECT_TRUE(ask(registry, RegistryAuth{"ci", core::Secret("secret")}));
  const auto without = ask(registry);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().kind, ErrorKind::denied);
}

TEST(Registry, TakesATokenWhereItIsSentForOne) {
  const std::string wants =
      "HTTP/1.1 401 X\r\nWWW-Authenticate: Bearer realm=\"http://127.0.0.1:5001/token\",service=\"reg\","
      "scope=\"repository:shop/web:pull\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  const std::string bearer = "Bearer t0ken ";
  const MadeUpRegistry registry(
      {{"/v2/shop/web/manifests/sha256:m", wants},
       {"/token?service=reg&scope=repository%3Ashop%2Fweb%3Apull", R"({"token":"t0ken"})"},
       {bearer + "/v2/shop/web/manifests/sha256:m", k_manifest},
       {bearer + "/v2/shop/web/blobs/sha256:c",
        "HTTP/1.1 307 X\r\nLocation: http://127.0.0.1:50001/store/c\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n"},
       {"/store/c", k_config}});
  const auto layers = ask(registry);
  ASSERT_TRUE(layers) << layers.error().message;
  for (const auto& asked : registry.asked())
    EXPECT_FALSE(asked.starts_with("Bearer") && asked.ends_with("/store/c")) << "the token is the registry's";
}

TEST(Registry, WhatIsNoManifestIsRefused) {
  for (const char* text :
       {"{}", "[]", "x", R"({"config":{"digest":"sha256:c"},"layers":[{"size":-1}]})",
        R"({"config":{"digest":"sha256:c"},"layers":[{"size":4000000000000000000},{"size":1}]})"}) {
    const MadeUpRegistry registry(
        {{"/v2/shop/web/manifests/sha256:m", text}, {"/v2/shop/web/blobs/sha256:c", k_config}});
    EXPECT_FALSE(ask(registry)) << text;
  }
}

// As dockerd's `insecure-registries` may have it: a name, or a network.
TEST(Registry, IsAskedWithoutTlsOnlyWhereTheEngineDoes) {
  const MadeUpRegistry registry(
      {{"/v2/shop/web/manifests/sha256:m", k_manifest}, {"/v2/shop/web/blobs/sha256:c", k_config}});
  Info engine{"/", "linux", "amd64"};
  engine.insecure_registries = {"10.20.0.0/17", "2001:db8::/33", "registry.internal:5000", "10.30.0.1/33"};
  for (const char* insecure :
       {"10.20.127.9:5000", "10.20.3.4", "[2001:db8:1::1]:5000", "registry.internal:5000"})
    EXPECT_TRUE(ask(registry, {}, std::string(insecure) + "/shop/web", engine)) << insecure;
  for (const char* secure :
       {"10.20.128.1:5000", "10.30.0.1", "[2001:db8:8000::1]:5000", "registry.internal:5001"})
    EXPECT_FALSE(ask(registry, {}, std::string(secure) + "/shop/web", engine)) << secure;
}

TEST(Registry, BehindAProxyOfTheEnginesIsNotAsked) {
  const MadeUpRegistry registry({});
  Info engine{"/", "linux", "amd64"};
  engine.proxy = "http://proxy:3128";
  const auto layers = ask(registry, {}, "registry.example.com/shop", engine);
  ASSERT_FALSE(layers);
  EXPECT_EQ(layers.error().kind, ErrorKind::refused);
  EXPECT_TRUE(registry.asked().empty());
}

}  // namespace
}  // namespace bgdeploy::engine
