#include "login.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "bgdeploy/core/current_error.hpp"
#include "bgdeploy/core/printable.hpp"
#include "bgdeploy/ssh/kexinit.hpp"
#include "bgdeploy/ssh/signer.hpp"
#include "bgdeploy/ssh/wire.hpp"

namespace bgdeploy::ssh {
namespace {

using core::ErrorKind;
using core::fail;

struct SignRequest {
  Signer* signer;
  std::optional<core::Error> error;
  bool asked = false;  // sshd knows the key, and wanted to see a signature
};

// No exception may cross libssh2, which is C.
Result<std::string> sign_for_c(Signer& signer, std::string_view data) noexcept {
  try {
    return signer.sign(data);
  } catch (...) {
    return std::unexpected(core::current_error());
  }
}

int on_sign(LIBSSH2_SESSION*, unsigned char** signature, size_t* length, const unsigned char* data,
            size_t size, void** abstract) {
  auto* request = static_cast<SignRequest*>(*abstract);
  request->asked = true;
  auto signed_data = sign_for_c(*request->signer, {reinterpret_cast<const char*>(data), size});
  if (!signed_data) {
    request->error = std::move(signed_data).error();
    return -1;
  }
  // libssh2 frees it with the allocator that the session was made with: free().
  *signature = static_cast<unsigned char*>(std::malloc(signed_data->size()));
  if (*signature == nullptr) return -1;
  std::memcpy(*signature, signed_data->data(), signed_data->size());
  *length = signed_data->size();
  return 0;
}

// sshd allows few attempts (MaxAuthTries), so the keys of named files go first, as OpenSSH does it.
void put_first(const std::vector<std::string>& files, std::vector<std::unique_ptr<Signer>>& keys) {
  auto place = keys.begin();
  for (const auto& file : files) {
    const auto blob = public_key_of(file);
    const auto found =
        std::find_if(place, keys.end(), [&](const auto& key) { return key->has_public_key(blob); });
    if (found != keys.end()) std::rotate(place++, found, found + 1);
  }
}

class Login {
public:
  Login(Transport& transport, const Destination& destination, const Wait& wait)
      : m_transport(transport), m_destination(destination), m_wait(wait) {}

  Result<void> run() {
    for (const auto& identity : m_destination.identities) {
      auto done = std::visit([this](const auto& one) { return try_identity(one); }, identity);
      if (!done) return std::unexpected(std::move(done).error());
      if (*done) return {};
    }
    return refused();
  }

private:
  Result<bool> try_identity(const AgentIdentities& agent) {
    auto keys = agent_keys(agent.socket, m_wait.at_most(std::chrono::seconds(5)), &m_certificates);
    if (!keys) {
      if (m_wait.stop.stop_requested()) return std::unexpected(io::wait_error(m_wait, "the agent"));
      m_tried.push_back(keys.error().message);
      return false;
    }
    if (keys->empty()) m_tried.emplace_back("the agent holds no key");
    put_first(agent.first, *keys);
    for (const auto& key : *keys) {
      BGDEPLOY_ASSIGN(const bool done, try_signer(*key));
      if (done) return true;
    }
    return false;
  }

  Result<bool> try_identity(const KeyFile& file) {
    if (const auto certificate = file.path + "-cert.pub"; ::access(certificate.c_str(), F_OK) == 0)
      m_certificates.push_back(certificate);
    const char* passphrase = std::getenv("BGDEPLOY_SSH_PASSPHRASE");
    auto signer = load_private_key(file.path, passphrase != nullptr && *passphrase != '\0'
                                                  ? std::optional(core::Secret(passphrase))
                                                  : std::nullopt);
    if (signer) return try_signer(**signer);
    BGDEPLOY_ASSIGN(const auto held, held_by_agent(file));
    if (held) return try_signer(*held);
    const auto& error = signer.error();
    if (error.kind != ErrorKind::not_found) {
      m_tried.push_back(error.message);
      m_next = error.next;
    } else if (!file.named_by.empty()) {
      m_tried.push_back(fmt::format("{} names {}, which does not exist", file.named_by, file.path));
    }
    return false;
  }

  // The agent's key that belongs to the file, if it holds it.
  Result<std::unique_ptr<Signer>> held_by_agent(const KeyFile& file) {
    const auto blob = file.agent.empty() ? std::string{} : public_key_of(file.path);
    if (blob.empty()) return nullptr;
    auto keys = agent_keys(file.agent, m_wait.at_most(std::chrono::seconds(5)));
    if (!keys && m_wait.stop.stop_requested())
      return std::unexpected(io::wait_error(m_wait, "the SSH agent"));
    if (!keys) return nullptr;
    for (auto& key : *keys)
      if (key->has_public_key(blob)) return std::move(key);
    return nullptr;
  }

  Result<bool> try_signer(Signer& signer) {
    SignRequest request{&signer, {}};
    void* abstract = &request;
    const auto& blob = signer.public_blob();
    // The agent may hold the key of a file that comes later.
    if (std::ranges::find(m_refused, blob) != m_refused.end()) return false;
    m_offered = true;
    auto code = m_transport.complete(m_wait, "the login", [&] {
      // Returned as it is: an error of a broken connection is told from a refusal by the connection itself.
      return authenticate(blob, &abstract);
    });
    if (!code) return std::unexpected(std::move(code).error());
    if (*code == 0) return true;
    m_refused.push_back(blob);
    const auto name = fmt::format("{} ({})", signer.name(), type_name(blob));
    if (request.error)
      m_tried.push_back(request.error->message);
    else if (request.asked && !m_transport.broken())
      BGDEPLOY_TRY(half_accepted(name));
    else
      m_tried.push_back(name + " was not accepted");
    if (m_transport.broken()) {
      m_tried.emplace_back("the server hung up: too many keys were tried, or it allows none of them");
      return std::unexpected(refused().error());
    }
    return false;
  }

  // sshd answers a good signature like this where AuthenticationMethods wants more than one proof.
  Result<void> half_accepted(const std::string& key) {
    std::string methods;
    const auto& user = m_destination.user;
    auto code = m_transport.complete(m_wait, "the login", [&] {
      const char* list =
          libssh2_userauth_list(m_transport.raw(), user.c_str(), static_cast<unsigned>(user.size()));
      if (list != nullptr) methods = list;
      return list != nullptr ? 0 : libssh2_session_last_errno(m_transport.raw());
    });
    if (!code) return std::unexpected(std::move(code).error());
    m_tried.push_back(fmt::format("{} was accepted, but the host asks for more (AuthenticationMethods): {}",
                                  key, methods.empty() ? "it does not say what" : core::printable(methods)));
    if (methods.find("publickey") == std::string::npos)
      m_next =
          "bgdeploy logs in with keys alone: let this user in with `AuthenticationMethods publickey` in a "
          "Match block of the host's sshd_config";
    return {};
  }

  int authenticate(const std::string& blob, void** abstract) {
    const auto& user = m_destination.user;
    // The macro form takes the user's name by strlen; there is no _ex form of this function.
    return libssh2_userauth_publickey(m_transport.raw(), user.c_str(),
                                      reinterpret_cast<const unsigned char*>(blob.data()), blob.size(),
                                      &on_sign, abstract);
  }

  static std::string type_name(const std::string& blob) {
    const auto type = key_type(blob);
    return type == "rsa-sha2-512" ? "ssh-rsa" : core::printable(type);
  }

  Result<void> refused() const {
    core::Error error{ErrorKind::denied,
                      fmt::format("{}: {}", describe(m_destination),
                                  m_offered ? "login refused" : "there is no key to log in with"),
                      m_tried, m_next};
    if (error.details.size() == 1) error.message += ": " + std::exchange(error.details, {}).front();
    if (error.next.empty()) error.next = m_destination.unused_key;
    if (error.next.empty())
      error.next = m_offered ? is_it_authorized()
                             : "set ssh.identity_file, load a key with ssh-add, or make one with ssh-keygen";
    auto certificates = m_certificates;
    certificates.insert(certificates.end(), m_destination.certificates.begin(),
                        m_destination.certificates.end());
    for (const auto& certificate : certificates)
      error.details.push_back(
          fmt::format("{} is a certificate, which bgdeploy cannot log in with: the host must accept the "
                      "key itself, in authorized_keys",
                      certificate));
    return std::unexpected(std::move(error));
  }

  std::string is_it_authorized() const {
    return fmt::format("is the public key in {0}'s authorized_keys there, and is {0} the right login?",
                       core::printable(m_destination.user));
  }

  Transport& m_transport;
  const Destination& m_destination;
  const Wait& m_wait;
  std::vector<std::string> m_tried;  // in words
  std::string m_next;                // what to do about one of them
  bool m_offered = false;            // the host was shown a key
  std::vector<std::string> m_certificates;
  std::vector<std::string> m_refused;  // public keys
};

std::vector<std::string> supported_methods(LIBSSH2_SESSION* session, int method) {
  const char** names = nullptr;
  const int count = libssh2_session_supported_algs(session, method, &names);
  std::vector<std::string> supported;
  for (int i = 0; i < count; ++i) supported.emplace_back(names[i]);
  if (names != nullptr) libssh2_free(session, names);
  return supported;
}

// Leaves out what libssh2 does not know: 1.10 does so itself, but with a memcpy between overlapping ranges.
void prefer(Transport& transport, int method, std::span<const std::string> wanted) {
  const auto supported = supported_methods(transport.raw(), method);
  std::vector<std::string> list;
  for (const auto& name : wanted)
    if (std::ranges::find(supported, name) != supported.end()) list.push_back(name);
  if (!list.empty())
    libssh2_session_method_pref(transport.raw(), method, fmt::format("{}", fmt::join(list, ",")).c_str());
}

void prefer_fast_methods(Transport& transport) {
  static const std::vector<std::string> k_exchanges = {"curve25519-sha256",
                                                       "curve25519-sha256@libssh.org",
                                                       "ecdh-sha2-nistp256",
                                                       "ecdh-sha2-nistp384",
                                                       "ecdh-sha2-nistp521",
                                                       "diffie-hellman-group-exchange-sha256",
                                                       "diffie-hellman-group16-sha512",
                                                       "diffie-hellman-group18-sha512",
                                                       "diffie-hellman-group14-sha256"};
  static const std::vector<std::string> k_ciphers = {"chacha20-poly1305@openssh.com",
                                                     "aes256-gcm@openssh.com",
                                                     "aes128-gcm@openssh.com",
                                                     "aes256-ctr",
                                                     "aes192-ctr",
                                                     "aes128-ctr"};
  static const std::vector<std::string> k_macs = {
      "hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"};
  static const std::vector<std::string> k_compressions = {"none"};
  prefer(transport, LIBSSH2_METHOD_KEX, k_exchanges);
  for (const int direction : {LIBSSH2_METHOD_CRYPT_CS, LIBSSH2_METHOD_CRYPT_SC})
    prefer(transport, direction, k_ciphers);
  for (const int direction : {LIBSSH2_METHOD_MAC_CS, LIBSSH2_METHOD_MAC_SC})
    prefer(transport, direction, k_macs);
  for (const int direction : {LIBSSH2_METHOD_COMP_CS, LIBSSH2_METHOD_COMP_SC})
    prefer(transport, direction, k_compressions);
}

}  // namespace

std::string describe(const Destination& destination) {
  const auto reached = fmt::format("{}@{}:{}", destination.user, destination.host, destination.port);
  return destination.name.empty() || destination.name == reached
             ? reached
             : fmt::format("{} ({})", destination.name, reached);
}

std::vector<std::string> verifiable_key_types() {
  const Transport probe{io::Fd{}};
  const auto offered = supported_methods(probe.raw(), LIBSSH2_METHOD_HOSTKEY);
  std::vector<std::string> types;
  for (const auto* type : {"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                           "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"})
    if (std::ranges::find(offered, type) != offered.end()) types.emplace_back(type);
  return types;
}

bool verifies_rsa() {
  return std::ranges::any_of(verifiable_key_types(),
                             [](const auto& type) { return type.starts_with("rsa-sha2-"); });
}

Result<HostKey> shake_hands(Transport& transport, std::span<const std::string> key_types,
                            const Destination& destination, const Wait& wait, bool& busy) {
  prefer_fast_methods(transport);
  prefer(transport, LIBSSH2_METHOD_HOSTKEY, key_types);
  auto code = transport.complete(wait, fmt::format("the SSH handshake with {}", describe(destination)),
                                 [&] { return libssh2_session_handshake(transport.raw(), transport.fd()); });
  if (!code) return std::unexpected(std::move(code).error());
  if (*code != 0) {
    // It may have said something else: "Exceeded MaxStartups".
    const char* banner = libssh2_session_banner_get(transport.raw());
    busy = transport.broken() && (banner == nullptr || !std::string_view(banner).starts_with("SSH-"));
    std::vector<std::string> details = {core::printable(transport.last_error())};
    const auto ours = parse_offer(transport.sent_first()), theirs = parse_offer(transport.received_first());
    auto nothing_common = ours && theirs ? without_common_method(*ours, *theirs) : std::vector<std::string>{};
    if (!nothing_common.empty()) details = std::move(nothing_common);
    if (!busy && !verifies_rsa())
      details.emplace_back(
          "if RSA is its only host key: this build's libssh2 cannot verify that; "
          "ssh-keygen -A on the host makes the others");
    return fail(
        ErrorKind::unreachable,
        fmt::format("{}: {}", describe(destination),
                    busy ? "the server hung up before it said who it is" : "the SSH handshake failed"),
        std::move(details));
  }
  std::size_t length = 0;
  int type = 0;
  const char* blob = libssh2_session_hostkey(transport.raw(), &length, &type);
  HostKey key;
  if (blob != nullptr) key.blob.assign(blob, length);
  key.type = key_type(key.blob);
  return key;
}

Result<void> log_in(Transport& transport, const Destination& destination, const Wait& wait) {
  return Login(transport, destination, wait).run();
}

}  // namespace bgdeploy::ssh
