// Accounts, sudoers and a home folder that only this process and its children see: files of its own mounted
// over those in /etc, in a mount namespace of its own. Needs root, and to come before any other thread.
#pragma once

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

namespace bgdeploy::testing_ssh {

class PrivateEtc {
public:
  static PrivateEtc& get() {
    static PrivateEtc etc;
    return etc;
  }
  ~PrivateEtc() {
    for (const char* file : {"/etc/passwd", "/etc/shadow", "/etc/sudoers"}) ::umount2(file, MNT_DETACH);
    std::filesystem::remove_all(m_folder);
  }
  PrivateEtc(const PrivateEtc&) = delete;

  // The home folder that the accounts database gives root.
  std::filesystem::path root_home() const { return m_folder / "root"; }
  // Of the login users "plain" and "other", who have nothing else.
  std::filesystem::path home(const std::string& user) const { return m_folder / user; }

  // Debian's sudo asks for the machine's full name, which a name server may be slow to answer.
  void sudoers(const std::string& rules) const {
    put("sudoers", "/etc/sudoers", "Defaults !fqdn\n" + rules, 0440);
  }

  // Of "plain".
  void login_shell(const std::string& shell) const {
    std::ostringstream text;
    std::ifstream before(m_folder / "passwd");
    for (std::string line; std::getline(before, line);)
      text << (line.starts_with("plain:") ? line.substr(0, line.rfind(':') + 1) + shell : line) << '\n';
    before.close();
    put("passwd", "/etc/passwd", text.str(), 0644);
  }

private:
  PrivateEtc() {
    std::string folder = (std::filesystem::temp_directory_path() / "bgdeploy-etc-XXXXXX").string();
    if (::mkdtemp(folder.data()) == nullptr || ::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      throw std::runtime_error("a mount namespace of one's own needs root");
    m_folder = folder;
    ::chmod(folder.c_str(), 0755);
    const auto lines = [](const char* path) {
      std::ostringstream text;
      std::istringstream all([path] {
        std::ostringstream bytes;
        bytes << std::ifstream(path).rdbuf();
        return bytes.str();
      }());
      for (std::string line; std::getline(all, line);)
        if (!line.starts_with("root:")) text << line << '\n';
      return text.str();
    };
    std::string passwd = "root:x:0:0:root:" + root_home().string() + ":/bin/bash\n";
    std::string shadow = "root:*:19000:0:99999:7:::\n";
    for (const std::string user : {"plain", "other"}) {
      const auto id = user == "plain" ? 61001U : 61002U;
      passwd += user + ":x:" + std::to_string(id) + ":61000::" + home(user).string() + ":/bin/sh\n";
      shadow += user + ":*:19000:0:99999:7:::\n";
      std::filesystem::create_directory(home(user));
      if (::chown(home(user).c_str(), id, 61000) != 0) throw std::runtime_error(std::strerror(errno));
    }
    std::filesystem::create_directories(root_home() / ".ssh");
    put("passwd", "/etc/passwd", passwd + lines("/etc/passwd"), 0644);
    put("shadow", "/etc/shadow", shadow + lines("/etc/shadow"), 0600);
  }

  void put(const std::string& name, const char* over, const std::string& text, unsigned mode) const {
    const auto path = m_folder / name;
    ::umount2(over, MNT_DETACH);
    std::filesystem::remove(path);
    std::ofstream(path) << text;
    ::chmod(path.c_str(), mode);
    if (::mount(path.c_str(), over, nullptr, MS_BIND, nullptr) != 0)
      throw std::runtime_error(std::string(over) + ": " + std::strerror(errno));
  }

  std::filesystem::path m_folder;
};

}  // namespace bgdeploy::testing_ssh
