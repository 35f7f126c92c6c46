// Logging in to a real sshd, and refusing to.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <libssh2.h>

#include <cstdlib>

#include "bgdeploy/host/trust.hpp"
#include "ssh_server.hpp"

namespace bgdeploy::testing_ssh {
namespace {

using core::ErrorKind;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

// RSA with SHA-2 for host keys came with libssh2 1.11.
constexpr bool k_verifies_rsa = LIBSSH2_VERSION_NUM >= 0x010b00;

class SshAgent {
public:
  explicit SshAgent(const fs::path& socket) : m_socket(socket) {
    const auto out = run_tool({"ssh-agent", "-s", "-a", socket.string()});
    const auto at = out.find("SSH_AGENT_PID=");
    m_pid = at == std::string::npos ? 0 : std::stoi(out.substr(at + 14));
    m_environment.emplace("SSH_AUTH_SOCK", socket.string());
  }
  ~SshAgent() {
    if (m_pid > 0) ::kill(m_pid, SIGTERM);
  }
  SshAgent(const SshAgent&) = delete;
  SshAgent& operator=(const SshAgent&) = delete;
  void add(const fs::path& key) { run_tool({"ssh-add", "-q", key.string()}); }

private:
  fs::path m_socket;
  int m_pid = 0;
  std::optional<Environment> m_environment;
};

class Login : public SshTest {
protected:
  core::Error refused(const spec::Host& host) {
    const auto connected = host::connect(host, soon());
    EXPECT_FALSE(connected);
    return connected ? core::Error{} : connected.error();
  }
  bool works(const spec::Host& host) {
    const auto connected = host::connect(host, soon());
    if (!connected) ADD_FAILURE() << all_text(connected.error());
    return connected && (*connected)->run({{"true"}}, soon())->ok();
  }
};

struct KeyKind {
  std::string name;
  std::vector<std::string> options;
  std::string passphrase;
};
class LoginWithKey : public SshTest, public testing::WithParamInterface<KeyKind> {};

TEST_P(LoginWithKey, IsAccepted) {
  set_up();
  m_server->allow(make_key("other", GetParam().options, GetParam().passphrase));
  const Environment passphrase("BGDEPLOY_SSH_PASSPHRASE", GetParam().passphrase);
  auto target = host();
  target.ssh.identity_file = (m_folder / "other").string();
  target.ssh.connect_timeout = 60s;  // opening such a key takes long below a sanitizer
  const auto connected = host::connect(target, soon());
  ASSERT_TRUE(connected) << all_text(connected.error());
  EXPECT_EQ((*connected)->address(), "127.0.0.1");
  EXPECT_EQ((*connected)->run({{"echo", "$HOME `id` 'a b'"}}, soon())->out, "$HOME `id` 'a b'\n");
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, LoginWithKey,
    testing::Values(KeyKind{"ed25519", {"-t", "ed25519"}, ""},
                    KeyKind{"ed25519_locked", {"-t", "ed25519"}, "open sesame"},
                    KeyKind{"ecdsa256", {"-t", "ecdsa", "-b", "256"}, ""},
                    KeyKind{"ecdsa384_locked", {"-t", "ecdsa", "-b", "384"}, "open sesame"},
                    KeyKind{"ecdsa521_pem", {"-t", "ecdsa", "-b", "521", "-m", "PEM"}, ""},
                    KeyKind{"rsa", {"-t", "rsa", "-b", "2048"}, ""},
                    KeyKind{"rsa_locked", {"-t", "rsa", "-b", "2048"}, "open sesame"},
                    KeyKind{"rsa_pem_locked", {"-t", "rsa", "-m", "PEM"}, "open sesame"}),
    [](const auto& kind) { return kind.param.name; });

TEST_F(Login, ALockedKeyWithoutItsPassphraseIsDeniedAndSaysWhatToDo) {
  set_up();
  make_key("locked", {"-t", "ed25519"}, "open sesame");
  auto target = host();
  target.ssh.identity_file = (m_folder / "locked").string();
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(all_text(error), HasSubstr("BGDEPLOY_SSH_PASSPHRASE"));
  const Environment passphrase("BGDEPLOY_SSH_PASSPHRASE", "wrong-word");
  const auto wrong = refused(target);
  EXPECT_EQ(wrong.kind, ErrorKind::denied);
  EXPECT_THAT(all_text(wrong), testing::Not(HasSubstr("wrong-word")));
}

TEST_F(Login, AKeyThatTheServerDoesNotKnowIsDenied) {
  set_up();
  make_key("stranger", {"-t", "ed25519"});
  auto target = host();
  target.ssh.identity_file = (m_folder / "stranger").string();
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(error.message, HasSubstr("root@127.0.0.1:" + std::to_string(m_server->port())));
  EXPECT_THAT(all_text(error), HasSubstr("stranger"));
}

TEST_F(Login, KeysOfAnAgentAreUsedRsaToo) {
  set_up();
  for (const std::string type : {"rsa", "ed25519", "ecdsa"}) {
    const SshAgent agent(m_folder / ("agent_" + type));
    const auto key = make_key("agent_key_" + type, {"-t", type});
    m_server->allow(key);
    run_tool({"ssh-add", "-q", key.string()});
    fs::remove(key);
    auto target = host();
    target.ssh.identity_file.reset();
    const Environment home("HOME", (m_folder / "nobody").string());
    EXPECT_TRUE(works(target)) << type;
  }
}

// An agent with four keys, of which OpenSSH's configuration names the last two.
class LoginWithAgent : public Login {
protected:
  void open(const std::string& extra) {
    set_up({{"ed25519"}, extra});
    m_agent.emplace(m_folder / "agent");
    for (const std::string name : {"a", "b", "c", "d"}) m_agent->add(make_key(name, {"-t", "ed25519"}));
    fs::create_directories(m_folder / "home" / ".ssh");
    write_file(m_folder / "home" / ".ssh" / "config",
               fmt::format("IdentityFile {}\nIdentityFile {}\n", (m_folder / "d").string(),
                           (m_folder / "c").string()));
    m_home.emplace("HOME", (m_folder / "home").string());
    m_target = host();
    m_target.ssh.identity_file.reset();
  }
  std::optional<SshAgent> m_agent;
  std::optional<Environment> m_home;
  spec::Host m_target;
};

TEST_F(LoginWithAgent, ItsKeysThatAnIdentityFileNamesGoBeforeTheOthers) {
  open("MaxAuthTries 2\n");
  m_server->allow(m_folder / "c");
  EXPECT_TRUE(works(m_target));
}

TEST_F(LoginWithAgent, EachKeyIsOfferedOnce) {
  open("");
  const auto error = refused(m_target);
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(error.details, testing::ElementsAre(HasSubstr("agent key d "), HasSubstr("agent key c "),
                                                  HasSubstr("agent key a "), HasSubstr("agent key b ")));
}

TEST_F(Login, ALockedFileIsOpenedByTheAgentThatHoldsIt) {
  set_up();
  SshAgent agent(m_folder / "agent");
  const auto key = make_key("held", {"-t", "ed25519"});
  m_server->allow(key);
  agent.add(key);
  run_tool({"ssh-keygen", "-q", "-p", "-P", "", "-N", "secret word", "-f", key.string()});
  auto target = host();
  target.ssh.identity_file = key.string();
  EXPECT_TRUE(works(target));
}

TEST_F(Login, AnUnknownHostIsNotTrusted) {
  set_up();
  write_file(m_folder / "known_hosts", "");
  using Value = std::optional<std::string>;
  for (const Value& in_ci : {Value(), Value("true")}) {
    const Environment ci("CI", in_ci);
    const auto error = refused(host());
    EXPECT_EQ(error.kind, ErrorKind::untrusted);
    EXPECT_THAT(all_text(error), HasSubstr(m_server->fingerprint()));
    EXPECT_THAT(all_text(error), HasSubstr(in_ci ? "BGDEPLOY_KNOWN_HOSTS_FILE" : "bgdeploy trust"));
  }
}

TEST_F(Login, AChangedKeyIsRefusedWithBothFingerprints) {
  set_up();
  const Server other;
  auto line = other.known_hosts_line();
  line.replace(0, line.find(' '), "[127.0.0.1]:" + std::to_string(m_server->port()));
  write_file(m_folder / "known_hosts", line);
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_THAT(all_text(error), HasSubstr(m_server->fingerprint()));
  EXPECT_THAT(all_text(error), HasSubstr(other.fingerprint()));
}

TEST_F(Login, ARevokedKeyIsRefusedThoughItIsListed) {
  set_up();
  write_file(m_folder / "known_hosts",
             m_server->known_hosts_line() + "@revoked * " + m_server->host_key() + "\n");
  EXPECT_EQ(refused(host()).kind, ErrorKind::untrusted);
}

TEST_F(Login, HashedNamesAreUnderstood) {
  set_up();
  run_tool({"ssh-keygen", "-q", "-H", "-f", (m_folder / "known_hosts").string()});
  EXPECT_THAT(read_file(m_folder / "known_hosts"), HasSubstr("|1|"));
  EXPECT_TRUE(works(host()));
}

TEST_F(Login, TheKnownTypeOfKeyIsAskedFor) {
  set_up({{"ed25519", "ecdsa", "rsa"}, ""});
  write_file(m_folder / "known_hosts", m_server->known_hosts_line("ecdsa"));
  EXPECT_TRUE(works(host()));
}

TEST_F(Login, AHostKnownByAnotherTypeOfKeyThanItHasIsChanged) {
  set_up({{"ed25519"}, ""});
  const Server other({{"ecdsa"}, ""});
  auto line = other.known_hosts_line("ecdsa");
  line.replace(0, line.find(' '), "[127.0.0.1]:" + std::to_string(m_server->port()));
  write_file(m_folder / "known_hosts", line);
  EXPECT_EQ(refused(host()).kind, ErrorKind::untrusted);
  EXPECT_TRUE(host::fetch_host_key(host(), soon())->contradicted) << "or `trust` would add it";
}

TEST_F(Login, APinAcceptsItsKeyOnlyOfWhateverType) {
  set_up({{"ed25519", "ecdsa"}, ""});
  write_file(m_folder / "known_hosts", "");
  auto target = host();
  for (const std::string type : {"ed25519", "ecdsa"}) {
    target.host_key = m_server->fingerprint(type);
    EXPECT_TRUE(works(target)) << type;
    const auto offered = host::fetch_host_key(target, soon()).value();
    EXPECT_EQ(offered.fingerprint, target.host_key);
    EXPECT_TRUE(offered.pinned && !offered.against_pin);
  }
  target.host_key = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_THAT(all_text(error), HasSubstr(m_server->fingerprint()));
  EXPECT_TRUE(host::fetch_host_key(target, soon())->against_pin);
}

TEST_F(Login, AHostKnownByAnRsaKeyOnlySaysWhatToAddWhereThatCannotBeVerified) {
  set_up({{"ed25519", "rsa"}, ""});
  write_file(m_folder / "known_hosts", m_server->known_hosts_line("rsa"));
  if (k_verifies_rsa) {
    EXPECT_TRUE(works(host()));
    return;
  }
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_THAT(error.message, HasSubstr("known by an RSA key only"));
  EXPECT_THAT(all_text(error), HasSubstr(m_server->fingerprint("rsa")));
  EXPECT_THAT(all_text(error), HasSubstr(m_server->fingerprint("ed25519")));
  EXPECT_THAT(all_text(error), HasSubstr("bgdeploy trust"));
  // And that is enough.
  const auto offered = host::fetch_host_key(host(), soon()).value();
  EXPECT_FALSE(offered.contradicted);
  ASSERT_TRUE(host::trust_host_key(offered));
  EXPECT_TRUE(works(host()));
}

TEST_F(Login, AHostWithAnRsaKeyOnlyIsNotTakenOnTrust) {
  set_up({{"rsa"}, ""});
  if (k_verifies_rsa) {
    EXPECT_TRUE(works(host()));
    return;
  }
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(error), HasSubstr("RSA"));
}

TEST_F(Login, TrustShowsTheKeyAndAddsIt) {
  set_up();
  auto target = host();
  target.ssh.known_hosts_file = (m_folder / "new").string() + "/deep/known_hosts";
  auto offered = host::fetch_host_key(target, soon());
  ASSERT_TRUE(offered) << all_text(offered.error());
  EXPECT_EQ(offered->fingerprint, m_server->fingerprint());
  EXPECT_EQ(offered->verdict.kind, ssh::KeyVerdict::Kind::unknown);
  ASSERT_TRUE(host::trust_host_key(*offered));
  struct stat status {};
  ::stat(offered->file.c_str(), &status);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_TRUE(works(target));
  EXPECT_EQ(host::fetch_host_key(target, soon())->verdict.kind, ssh::KeyVerdict::Kind::known);
}

TEST_F(Login, TrustDoesNotGlueItsLineToAnOpenOne) {
  set_up();
  auto target = host();
  write_file(m_folder / "known_hosts", "other " + m_server->host_key());
  ASSERT_TRUE(host::trust_host_key(host::fetch_host_key(target, soon()).value()));
  EXPECT_TRUE(works(target));
}

// "Added" is only what the next connection finds.
TEST_F(Login, TrustKeepsNothingInWhatIsNoFile) {
  set_up();
  const auto fifo = m_folder / "fifo", folder = m_folder / "folder";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  fs::create_directory(folder);
  auto target = host();
  for (const auto& path :
       {std::string("/dev/null"), fifo.string(), folder.string(), std::string("/dev/full")}) {
    target.ssh.known_hosts_file = path;
    const auto offered = host::fetch_host_key(target, soon());
    ASSERT_TRUE(offered) << path << all_text(offered.error());
    EXPECT_EQ(offered->verdict.kind, ssh::KeyVerdict::Kind::unknown);
    const auto added = host::trust_host_key(*offered);
    ASSERT_FALSE(added) << path;
    EXPECT_EQ(added.error().kind, ErrorKind::io);
    EXPECT_THAT(added.error().message, HasSubstr(path));
    EXPECT_EQ(refused(target).kind, ErrorKind::untrusted) << path;
  }
}

TEST_F(Login, AKeyFileThatIsNoFileIsNotWaitedFor) {
  set_up();
  auto target = host();
  target.ssh.identity_file = (m_folder / "fifo").string();
  ASSERT_EQ(::mkfifo(target.ssh.identity_file->c_str(), 0600), 0);
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(all_text(error), HasSubstr("is a FIFO, not a file"));
}

TEST_F(Login, AKeyThatIsOnlyHalfOfWhatTheHostWantsWasAccepted) {
  set_up({{"ed25519"}, "PasswordAuthentication yes\nAuthenticationMethods publickey,password\n"});
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(all_text(error),
              HasSubstr("was accepted, but the host asks for more (AuthenticationMethods): password"));
  EXPECT_THAT(all_text(error), Not(HasSubstr("not accepted")));
}

TEST_F(Login, ACertificateBesideTheKeyIsNamedWhenTheKeyIsNotAccepted) {
  set_up();
  const auto authority = make_key("authority", {"-t", "ed25519"}),
             key = make_key("signed", {"-t", "ed25519"});
  run_tool({"ssh-keygen", "-q", "-s", authority.string(), "-I", "me", "-n", "root", key.string() + ".pub"});
  auto target = host();
  target.ssh.identity_file = key.string();
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::denied);
  EXPECT_THAT(all_text(error), HasSubstr(key.string() + "-cert.pub is a certificate"));
}

TEST_F(Login, WithoutACommonMethodBothSidesAreNamed) {
  set_up({{"ed25519"}, "KexAlgorithms sntrup761x25519-sha512@openssh.com\nMACs umac-64@openssh.com\n"});
  const auto error = refused(host());
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(error), HasSubstr("no common key exchange: this build offers curve25519-sha256"));
  EXPECT_THAT(all_text(error), HasSubstr("the host offers sntrup761x25519-sha512@openssh.com"));
  EXPECT_THAT(all_text(error), HasSubstr("no common MAC: this build offers hmac-sha2-256"));
}

TEST_F(Login, GoesThroughAJumpHostWhoseKeyIsCheckedToo) {
  set_up();
  const Server bastion;
  write_file(bastion.authorized_keys(), read_file(m_folder / "key.pub"));
  auto target = host();
  target.ssh.proxy_jump = std::vector<std::string>{"root@127.0.0.1:" + std::to_string(bastion.port())};
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::untrusted);
  EXPECT_THAT(error.message, HasSubstr("jump host"));
  EXPECT_EQ(host::fetch_host_key(target, soon())->fingerprint, bastion.fingerprint());
  write_file(m_folder / "known_hosts", read_file(m_folder / "known_hosts") + bastion.known_hosts_line());
  EXPECT_TRUE(works(target));
  EXPECT_THAT(bastion.log(), HasSubstr("Accepted publickey"));
  const auto through = host::connect(target, soon()).value();
  const std::string big(10'000'000, 'x');
  EXPECT_EQ(through->run({{"cat"}, host::Tool::other, big}, soon())->out.size(), big.size());
}

TEST_F(Login, AHostIsKnownByTheNameItWasGiven) {
  set_up();
  auto target = host();
  target.name = "localhost";
  write_file(m_folder / "known_hosts",
             "[localhost]:" + std::to_string(m_server->port()) + " " + m_server->host_key() + "\n");
  EXPECT_TRUE(works(target));
}

TEST_F(Login, NobodyListeningIsUnreachable) {
  set_up();
  auto target = host();
  target.ssh.port = Port(false).release();
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(error), HasSubstr("127.0.0.1 port " + std::to_string(*target.ssh.port)));
  target.name = "no-such-host.invalid";
  EXPECT_EQ(refused(target).kind, ErrorKind::unreachable);
}

TEST_F(Login, AServerThatSaysNothingIsGivenUp) {
  set_up();
  const Port silent(true);
  auto target = host();
  target.ssh.port = silent.number();
  target.ssh.connect_timeout = 200ms;
  EXPECT_EQ(refused(target).kind, ErrorKind::unreachable);
  target.ssh.connect_timeout = 30s;
  const auto timed_out = host::connect(target, Wait::for_at_most(200ms));
  ASSERT_FALSE(timed_out);
  EXPECT_EQ(timed_out.error().kind, ErrorKind::timeout);
}

TEST_F(Login, WaitingForOtherLoginsToTheSameServerIsNotCountedAsConnecting) {
  set_up();
  const Port silent(true);
  auto target = host();
  target.ssh.port = silent.number();
  std::vector<io::Fd> connections;
  std::vector<std::jthread> others;
  auto patient = target;
  patient.ssh.connect_timeout = 2s;
  for (int i = 0; i < 8; ++i) others.emplace_back([&] { EXPECT_FALSE(host::connect(patient, soon())); });
  for (int i = 0; i < 8; ++i) connections.push_back(silent.accept());
  target.ssh.connect_timeout = 300ms;
  const auto error = refused(target);
  EXPECT_EQ(error.kind, ErrorKind::unreachable);
  EXPECT_THAT(all_text(error), HasSubstr("handshake")) << "it was its turn in the end";
}

TEST_F(Login, IsStoppedWhileItWaits) {
  set_up();
  const Port silent(true);
  auto target = host();
  target.ssh.port = silent.number();
  std::stop_source stop;
  io::Fd connection;
  const std::jthread stopper([&] {
    connection = silent.accept();
    stop.request_stop();
  });
  const auto connected = host::connect(target, Wait::for_at_most(30s, stop.get_token()));
  ASSERT_FALSE(connected);
  EXPECT_EQ(connected.error().kind, ErrorKind::cancelled);
}

TEST_F(Login, OneThatSpeaksSomethingElseIsUnreachable) {
  set_up();
  const Port other(true);
  auto target = host();
  target.ssh.port = other.number();
  const std::jthread answer([&] {
    const auto connection = other.accept();
    const std::string text = "HTTP/1.1 400 Bad Request\r\n\r\n";
    ::send(connection.get(), text.data(), text.size(), MSG_NOSIGNAL);
  });
  target.ssh.connect_timeout = 1s;
  EXPECT_EQ(refused(target).kind, ErrorKind::unreachable);
}

TEST_F(Login, ManyAtOnceAllSucceedThoughTheServerTurnsSomeAway) {
  set_up({{"ed25519"}, "MaxStartups 3:50:6\n"});
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> logins;
    for (int i = 0; i < 20; ++i)
      logins.emplace_back([&] {
        auto target = host();
        target.ssh.connect_timeout = 30s;
        if (host::connect(target, soon())) ++good;
      });
  }
  EXPECT_EQ(good, 20);
}

}  // namespace
}  // namespace bgdeploy::testing_ssh
