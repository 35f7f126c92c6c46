#include "bgdeploy/engine/registry.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <numeric>

#include "bgdeploy/core/json.hpp"
#include "bgdeploy/core/number.hpp"
#include "bgdeploy/core/sha256.hpp"
#include "bgdeploy/core/text.hpp"
#include "bgdeploy/io/curl.hpp"

namespace bgdeploy::engine {
namespace {

using core::ErrorKind;
using core::Json;
using core::member;
using core::text_of;

constexpr std::size_t k_most_bytes = 4UL << 20;  // of a manifest, or of an image's configuration
constexpr std::int64_t k_most_layer_bytes = std::int64_t{1} << 50;  // so that sums of them fit
constexpr int k_most_redirects = 5;
constexpr const char* k_accepted =
    "Accept: application/vnd.docker.distribution.manifest.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.oci.image.index.v1+json";

struct UrlFree {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
struct HeadersFree {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

struct Place {
  std::string host;
  int port = 443;
};

Result<std::string> url_part(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, CURLU_DEFAULT_PORT) != CURLUE_OK)
    return core::fail(ErrorKind::refused, "the registry leads to something that is not a URL");
  std::string copy = text;
  curl_free(text);
  return copy;
}

Result<Place> place_of(const std::string& text) {
  const std::unique_ptr<CURLU, UrlFree> url(curl_url());
  if (!url || curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK)
    return core::fail(ErrorKind::refused, "the registry leads to something that is not a URL");
  BGDEPLOY_ASSIGN(auto host, url_part(url.get(), CURLUPART_HOST));
  BGDEPLOY_ASSIGN(const auto port, url_part(url.get(), CURLUPART_PORT));
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  return Place{std::move(host), core::leading_number<int>(port).value_or(0)};
}

// "https://registry.example.com:5000" and "shop/web".
struct Named {
  std::string authority, path;
};

Named named(const std::string& repository) {
  const auto slash = repository.find('/');
  const auto first = repository.substr(0, slash);
  const bool is_registry =
      slash != std::string::npos && (first.find_first_of(".:") != std::string::npos || first == "localhost");
  const auto path = is_registry ? repository.substr(slash + 1) : repository;
  if (is_registry && first != "docker.io" && first != "index.docker.io") return {first, path};
  return {"registry-1.docker.io", path.find('/') == std::string::npos ? "library/" + path : path};
}

// An IPv4 address as 4 bytes, an IPv6 address as 16; else none.
std::string address_bytes(const std::string& text) {
  std::string bytes(16, '\0');
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return bytes;
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ? bytes.substr(0, 4) : "";
}

// Whether `network`, as "10.0.0.0/8", has the address of these bytes.
bool contains(const std::string& network, const std::string& address) {
  const auto slash = network.find('/');
  if (slash == std::string::npos) return false;
  const auto base = address_bytes(network.substr(0, slash));
  const auto bits = core::leading_number<std::size_t>(network.substr(slash + 1));
  if (address.empty() || base.size() != address.size() || !bits || *bits > 8 * base.size()) return false;
  const std::size_t whole = *bits / 8, rest = *bits % 8;
  if (base.compare(0, whole, address, 0, whole) != 0) return false;
  return rest == 0 || ((base[whole] ^ address[whole]) & 0xff) >> (8 - rest) == 0;
}

// "registry:5000" and "[2001:db8::1]:5000" without the port and the brackets.
std::string host_of(const std::string& authority) {
  if (authority.starts_with('[')) return authority.substr(1, authority.find(']') - 1);
  return authority.substr(0, authority.rfind(':'));
}

bool is_insecure(const Info& engine, const std::string& authority) {
  const auto host = host_of(authority);
  const auto address = address_bytes(host);
  return host == "localhost" || host.starts_with("127.") || host == "::1" ||
         std::ranges::any_of(engine.insecure_registries, [&](const std::string& known) {
           return known == authority || contains(known, address);
         });
}

struct Reply {
  int status = 0;
  std::string body, challenge, location;
  bool too_large = false;
};

std::size_t take_body(char* data, std::size_t, std::size_t size, void* user) {
  auto& reply = *static_cast<Reply*>(user);
  reply.too_large = reply.body.size() + size > k_most_bytes;
  if (reply.too_large) return 0;
  reply.body.append(data, size);
  return size;
}

std::size_t take_header(char* data, std::size_t, std::size_t size, void* user) {
  auto& reply = *static_cast<Reply*>(user);
  const std::string_view line(data, size);
  const auto value_of_header = [&](std::string_view name) -> std::optional<std::string> {
    const auto same = [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b - 'A' + 'a' : b); };
    if (line.size() <= name.size() || !std::equal(name.begin(), name.end(), line.begin(), same)) return {};
    return std::string(core::trim(line.substr(name.size())));
  };
  if (auto challenge = value_of_header("www-authenticate:")) reply.challenge = *challenge;
  if (auto location = value_of_header("location:")) reply.location = *location;
  return size;
}

// `name="value"` of a challenge.
std::string parameter(const std::string& challenge, std::string_view name) {
  const std::string key = std::string(name) + "=\"";
  const auto at = challenge.find(key);
  if (at == std::string::npos) return {};
  const auto begin = at + key.size();
  return challenge.substr(begin, challenge.find('"', begin) - begin);
}

class Registry {
public:
  Registry(host::Host& host, const Info& engine, const std::string& repository,
           const std::optional<RegistryAuth>& auth, const Wait& wait)
      : m_host(host),
        m_named(named(repository)),
        m_insecure(is_insecure(engine, m_named.authority)),
        m_auth(auth),
        m_wait(wait) {}

  Result<std::string> manifest_text(const std::string& tag_or_digest) {
    return get("/manifests/" + tag_or_digest);
  }
  Result<Json> manifest(const std::string& digest) { return parsed(manifest_text(digest)); }
  Result<Json> blob(const std::string& digest) { return parsed(get("/blobs/" + digest)); }

  static Result<Json> parsed(const Result<std::string>& body) {
    if (!body) return std::unexpected(body.error());
    return core::parse_json(*body, "the registry's answer");
  }

private:
  Result<std::string> get(const std::string& what) {
    // As docker does: what may be without TLS is tried with it first.
    auto reply = ask(url(what));
    if (!reply && reply.error().kind == ErrorKind::refused && m_insecure && m_scheme == "https") {
      m_scheme = "http";
      reply = ask(url(what));
    }
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (reply->status == 401 || reply->status == 403)
      return core::fail(ErrorKind::denied, "the registry does not let us in");
    if (reply->status == 404) return core::fail(ErrorKind::not_found, "the registry does not have it");
    if (reply->status != 200)
      return core::fail(ErrorKind::refused, fmt::format("the registry answered with HTTP {}", reply->status));
    return std::move(reply->body);
  }

  std::string url(const std::string& what) const {
    return fmt::format("{}://{}/v2/{}{}", m_scheme, m_named.authority, m_named.path, what);
  }

  // Logs in where that is wanted, and goes where it is sent.
  Result<Reply> ask(std::string url) {
    const std::string first = url;
    for (int hop = 0; hop < k_most_redirects; ++hop) {
      const bool own = url.starts_with(first.substr(0, first.find("/v2/") + 1));
      BGDEPLOY_ASSIGN(auto reply, exchange(url, own));
      if (own && reply.status == 401 && m_token.reveal().empty() && !m_basic) {
        BGDEPLOY_TRY(log_in(reply.challenge));
        continue;
      }
      const bool moved = reply.status == 301 || reply.status == 302 || reply.status == 303 ||
                         reply.status == 307 || reply.status == 308;
      if (!moved) return reply;
      if (reply.location.starts_with('/')) {
        url = url.substr(0, url.find('/', url.find("://") + 3)) + reply.location;
      } else {
        url = reply.location;
      }
    }
    return core::fail(ErrorKind::refused, "the registry leads in circles");
  }

  Result<void> log_in(const std::string& challenge) {
    if (challenge.starts_with("Basic") && m_auth) {
      m_basic = true;
      return {};
    }
    const auto realm = parameter(challenge, "realm");
    if (!challenge.starts_with("Bearer") || realm.empty())
      return core::fail(ErrorKind::denied, "the registry wants a login");
    if (!realm.starts_with("https://") && !m_insecure)
      return core::fail(ErrorKind::denied, "the registry wants a login without TLS");
    const auto with = fmt::format(
        "{}{}service={}&scope={}", realm, realm.find('?') == std::string::npos ? '?' : '&',
        percent_encode(parameter(challenge, "service")), percent_encode(parameter(challenge, "scope")));
    m_basic = m_auth.has_value();
    auto reply = exchange(with, true);
    m_basic = false;
    if (!reply) return std::unexpected(std::move(reply.error()));
    if (reply->status != 200) return core::fail(ErrorKind::denied, "the registry does not let us in");
    BGDEPLOY_ASSIGN(const auto json, core::parse_json(reply->body, "the registry's answer"));
    auto token = text_of(json, "token");
    if (token.empty()) token = text_of(json, "access_token");
    m_token = core::Secret(std::move(token));
    return m_token.reveal().empty() ? core::fail(ErrorKind::denied, "the registry gave no token")
                                    : Result<void>{};
  }

  Result<Reply> exchange(const std::string& url, bool own) {
    BGDEPLOY_ASSIGN(const auto place, place_of(url));
    BGDEPLOY_ASSIGN(const auto socket, m_host.socket_to(host::TcpEndpoint{place.host, place.port}));
    m_curl.reset();
    CURL* easy = m_curl.easy();
    if (easy == nullptr) return core::fail(ErrorKind::internal, "libcurl: out of memory");
    std::unique_ptr<curl_slist, HeadersFree> headers(curl_slist_append(nullptr, k_accepted));
    if (own && !m_token.reveal().empty())
      (void)curl_slist_append(headers.get(), ("Authorization: Bearer " + m_token.reveal()).c_str());
    Reply reply;
    curl_easy_setopt(easy, CURLOPT_URL, url.c_str());
    curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, socket.c_str());
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, m_insecure ? "http,https" : "https");
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, long{CURL_HTTP_VERSION_1_1});
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.get());
    // libcurl would read all authorities, to use none.
    if (m_insecure) curl_easy_setopt(easy, CURLOPT_CAINFO, nullptr);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, m_insecure ? 0L : 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, m_insecure ? 0L : 2L);
    if (own && m_basic && m_auth) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, long{CURLAUTH_BASIC});
      curl_easy_setopt(easy, CURLOPT_USERNAME, m_auth->username.c_str());
      curl_easy_setopt(easy, CURLOPT_PASSWORD, m_auth->password.reveal().c_str());
    }
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &reply);
    BGDEPLOY_ASSIGN(const CURLcode code, m_curl.perform(m_wait));
    if (reply.too_large) return core::fail(ErrorKind::refused, "the registry's answer is larger than 4 MB");
    if (code != CURLE_OK)
      return core::fail(code == CURLE_PEER_FAILED_VERIFICATION ? ErrorKind::untrusted : ErrorKind::refused,
                        fmt::format("the registry: {}", curl_easy_strerror(code)));
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = static_cast<int>(status);
    return reply;
  }

  host::Host& m_host;
  const Named m_named;
  const bool m_insecure;
  const std::optional<RegistryAuth>& m_auth;
  const Wait& m_wait;
  io::Curl m_curl;  // one for all: it reads the authorities once, and keeps connections
  std::string_view m_scheme = "https";
  core::Secret m_token;
  bool m_basic = false;
};

// Of an index of several platforms the digest of the engine's.
Result<std::string> for_platform(const Json& index, const Info& engine) {
  for (const auto& entry : member(index, "manifests")) {
    const Json& platform = member(entry, "platform");
    if (text_of(platform, "os") == engine.os && text_of(platform, "architecture") == engine.architecture)
      return text_of(entry, "digest");
  }
  return core::fail(ErrorKind::not_found,
                    fmt::format("the registry has no image of it for {}/{}", engine.os, engine.architecture));
}

// Straight from the host there may be no way at all.
Result<void> has_a_way(const Info& engine, const std::string& repository) {
  if (engine.proxy.empty() || is_insecure(engine, named(repository).authority)) return {};
  return core::fail(ErrorKind::refused, "docker reaches registries through a proxy");
}

// Of an index the manifest for the engine's platform.
Result<Json> for_engine(Registry& registry, const Info& engine, Result<Json> manifest) {
  if (!manifest || !member(*manifest, "manifests").is_array()) return manifest;
  BGDEPLOY_ASSIGN(const auto own, for_platform(*manifest, engine));
  return registry.manifest(own);
}

std::unexpected<core::Error> no_layers() {
  return core::fail(ErrorKind::refused, "the registry's manifest does not list the image's layers");
}

// The compressed bytes of each layer.
Result<std::vector<std::int64_t>> sizes_in(const Json& manifest) {
  const Json& layers = member(manifest, "layers");
  if (!layers.is_array()) return no_layers();
  std::vector<std::int64_t> sizes;
  for (const auto& layer : layers) {
    const auto bytes = core::integer(member(layer, "size"));
    if (!bytes || *bytes < 0 || *bytes > k_most_layer_bytes) return no_layers();
    sizes.push_back(*bytes);
  }
  return sizes;
}

}  // namespace

Result<RegistryImage> registry_image(host::Host& host, const Info& engine, const std::string& repository,
                                     const std::string& tag_or_digest,
                                     const std::optional<RegistryAuth>& auth, const Wait& wait) {
  BGDEPLOY_TRY(has_a_way(engine, repository));
  // It may have another image under that tag.
  if (engine.mirrors && registry_name(repository) == k_docker_hub && !tag_or_digest.starts_with("sha256:"))
    return core::fail(ErrorKind::refused, "docker asks a mirror");
  Registry registry(host, engine, repository, auth, wait);
  BGDEPLOY_ASSIGN(const auto text, registry.manifest_text(tag_or_digest));
  BGDEPLOY_ASSIGN(const auto manifest, for_engine(registry, engine, Registry::parsed(text)));
  BGDEPLOY_ASSIGN(const auto sizes, sizes_in(manifest));
  core::Sha256 digest;
  digest.add(text);
  return RegistryImage{"sha256:" + digest.hex(),
                       std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0})};
}

Result<std::vector<RegistryLayer>> registry_layers(host::Host& host, const Info& engine,
                                                   const std::string& repository, const std::string& digest,
                                                   const std::optional<RegistryAuth>& auth,
                                                   const Wait& wait) {
  BGDEPLOY_TRY(has_a_way(engine, repository));
  Registry registry(host, engine, repository, auth, wait);
  BGDEPLOY_ASSIGN(const auto manifest, for_engine(registry, engine, registry.manifest(digest)));
  BGDEPLOY_ASSIGN(const auto sizes, sizes_in(manifest));
  BGDEPLOY_ASSIGN(const auto config, registry.blob(text_of(member(manifest, "config"), "digest")));
  const Json& contents = member(member(config, "rootfs"), "diff_ids");
  if (!contents.is_array() || sizes.size() != contents.size()) return no_layers();
  std::vector<RegistryLayer> found;
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    if (!contents[i].is_string()) return no_layers();
    found.push_back({contents[i].get<std::string>(), sizes[i]});
  }
  return found;
}

}  // namespace bgdeploy::engine
